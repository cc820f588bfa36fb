import { HttpError, ProblemSchema, problemOf, toHttpError, type App, type Problem } from "@wharf/service";
import { Type } from "typebox";

import type { Download, NewDownload } from "../downloads/download.ts";
import { STATUSES } from "../statuses.ts";
import { readCreateRequest } from "./create-request.ts";
import { CreateBodySchema, MAX_DOWNLOADS } from "./create-schema.ts";
import { DownloadRef, toBody } from "./download-schema.ts";
import type { RouteContext } from "./index.ts";
import { DOWNLOADS_URL } from "./urls.ts";

const ResultSchema = Type.Object({
  status: Type.Integer({ description: "What the element would have been answered with alone" }),
  download: Type.Optional(DownloadRef),
  problem: Type.Optional(Type.Unsafe<Problem>({ $ref: "Problem#" })),
});

const schema = {
  summary: "Fetch a URL, or up to 1,000",
  description: "One: 201 with the download. An array: 200 with a result for each, in order.",
  tags: ["downloads"],
  body: CreateBodySchema,
  response: {
    200: Type.Object({ results: Type.Array(ResultSchema) }),
    201: DownloadRef,
    "4xx": ProblemSchema,
  },
};

const MAX_BODY_BYTES = 16 * 2 ** 20;

/** `POST /downloads`. */
export function addCreate(app: App, { store, policy, wake }: RouteContext): void {
  // The schema describes; each element is judged by itself, so that one bad one does not spoil the others.
  const options = { schema, bodyLimit: MAX_BODY_BYTES, validatorCompiler: () => () => true };
  app.post(DOWNLOADS_URL, options, async (request, reply) => {
    const body: unknown = request.body;
    if (!Array.isArray(body)) {
      const [download] = await store.insert([readCreateRequest(body, policy)]);
      if (!download) throw new Error("The download was not stored.");
      wake();
      return reply.code(201).header("location", `${DOWNLOADS_URL}/${download.id}`).send(toBody(download));
    }
    requireFewEnough(body);
    const judged = body.map((each: unknown) => judge(() => readCreateRequest(each, policy)));
    const inserted = await store.insert(judged.filter(isWanted));
    wake();
    return reply.code(200).send({ results: toResults(judged, inserted, request.id) });
  });
}

function requireFewEnough(body: readonly unknown[]): void {
  if (body.length <= MAX_DOWNLOADS) return;
  const detail = `An array may have ${MAX_DOWNLOADS} downloads; this one has ${body.length}.`;
  throw new HttpError(400, "INVALID_REQUEST", detail);
}

function judge(read: () => NewDownload): NewDownload | HttpError {
  try {
    return read();
  } catch (error) {
    const known = toHttpError(error, STATUSES);
    if (!known) throw error;
    return known;
  }
}

function isWanted(judged: NewDownload | HttpError): judged is NewDownload {
  return !(judged instanceof HttpError);
}

/** One result for each element; the downloads come in the order of those that were not refused. */
function toResults(
  judged: readonly (NewDownload | HttpError)[],
  downloads: readonly Download[],
  requestId: string,
) {
  const rest = downloads.values();
  return judged.map((each) => {
    if (each instanceof HttpError) return { status: each.status, problem: problemOf(each, requestId) };
    const { value: download } = rest.next();
    if (!download) throw new Error("A download was not stored.");
    return { status: 201, download: toBody(download) };
  });
}
