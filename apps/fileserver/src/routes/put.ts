import { acceptBody, HttpError, noBody, ProblemSchema, type App } from "@wharf/service";
import { ConditionFailedError, TooLargeError, type Entry, type VolumePath } from "@wharf/volume";
import type { FastifyRequest } from "fastify";

import { requestedModification } from "../http/modified.ts";
import { hasWriteConditions, judgeConditions, requireReadableConditions } from "../http/preconditions.ts";
import { receiveBody } from "../http/receive.ts";
import type { RouteContext } from "./index.ts";
import { leaveBodies } from "./leave-bodies.ts";
import { FILES_URL, pathOf, urlOf } from "./path.ts";

const schema = {
  summary: "Store a file",
  description:
    "The body becomes the file, whole or not at all; what is missing of its directories is made. `If-Match`, " +
    "`If-None-Match` and `If-Unmodified-Since` are decided at the moment the file is published. `X-OC-Mtime` or " +
    "`Last-Modified` becomes its modification time.",
  tags: ["files"],
  consumes: ["application/octet-stream"],
  response: {
    201: noBody("Created"),
    204: noBody("Replaced"),
    "4xx": ProblemSchema,
    "5xx": ProblemSchema,
  },
};

/** `PUT /files/<path>`. */
export function addPut(app: App, context: RouteContext): void {
  leaveBodies(app);
  app.put(FILES_URL, { schema, config: { readsBody: true } }, async (request, reply) => {
    const path = pathOf(request);
    const { maxBytes, condition, modifiedMs } = await judge(path, request, context);
    using transfer = context.transfers.begin();
    await using staged = await context.volume.stage();
    acceptBody(request, reply);
    await receiveBody(staged, request.raw, request.raw, { maxBytes });
    const { entry, created } = await staged.publish(path, { replace: true, condition, modifiedMs });
    transfer.end(); // the client's next request does not wait for the closing of this one's file
    if (request.headers["x-oc-mtime"] !== undefined) reply.header("x-oc-mtime", "accepted");
    reply.headers({ etag: entry.etag, location: urlOf(path) });
    return reply.code(created ? 201 : 204).send(undefined);
  });
}

/** Everything that can be known before the body, so that a client that waits to be asked for it need not send it. */
async function judge(path: VolumePath, request: FastifyRequest, { volume, maxUploadBytes }: RouteContext) {
  const { headers, method } = request;
  if (headers["content-range"] !== undefined) {
    const detail = "Parts of a file cannot be put; send the whole file.";
    throw new HttpError(400, "PARTIAL_PUT_UNSUPPORTED", detail);
  }
  requireReadableConditions(headers);
  const modifiedMs = requestedModification(headers);
  const isAllowed = (current: Entry | undefined): boolean =>
    judgeConditions(method, headers, current) === "proceed";
  const condition = hasWriteConditions(headers) ? isAllowed : undefined;
  if (!isAllowed(await volume.target(path))) throw new ConditionFailedError(path.toString());
  const length = Number(headers["content-length"] ?? 0);
  if (length > maxUploadBytes) throw new TooLargeError(maxUploadBytes);
  await volume.requireSpace(length);
  return { maxBytes: maxUploadBytes, condition, modifiedMs };
}
