import { HttpError, ProblemSchema, type App } from "@wharf/service";
import { IsDirectoryError, type OpenFile, type VolumePath } from "@wharf/volume";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";

import { fileHeaders } from "../http/file-headers.ts";
import { judgeConditions, rangeApplies } from "../http/preconditions.ts";
import { parseRange } from "../http/range.ts";
import { sendFile } from "../http/send-file.ts";
import type { RouteContext } from "./index.ts";
import { ListQuery, sendDirectory } from "./list.ts";
import { FILES_URL, pathOf, queryOf, urlOf } from "./path.ts";

const Query = Type.Object({
  ...ListQuery.properties,
  download: Type.Optional(
    Type.String({ description: "Present: the file is offered for saving, whatever its type" }),
  ),
});

const schema = {
  summary: "Read a file, or list a directory",
  description:
    "A file is sent whole, or one `Range` of it; `If-Match`, `If-None-Match`, `If-Modified-Since`, " +
    "`If-Unmodified-Since` and `If-Range` count as RFC 9110 has it. A directory, whose URL ends in a slash, is sent " +
    "as `application/json` (a page), `application/x-ndjson` (every entry, one a line) or, unless one of these is " +
    "asked for, as HTML.",
  tags: ["files"],
  querystring: Query,
  response: { "4xx": ProblemSchema },
};

/** `GET` and `HEAD` of `/files/<path>`. */
export function addRead(app: App, context: RouteContext): void {
  app.route({
    method: ["GET", "HEAD"],
    url: FILES_URL,
    schema,
    handler: async (request, reply) => {
      const path = pathOf(request);
      if (path.isDirectoryForm) return sendDirectory(context.volume, path, request.query, request, reply);
      try {
        await using file = await context.volume.openFile(path);
        // After the file, so that it ends with the response: the client's next request does not wait for the closing.
        using _transfer = context.transfers.begin();
        return await answerWithFile(path, file, request, reply);
      } catch (error) {
        if (!(error instanceof IsDirectoryError)) throw error;
        return reply.redirect(urlOf(path.asDirectory()) + queryOf(request.url), 308);
      }
    },
  });
}

async function answerWithFile(
  path: VolumePath,
  file: OpenFile,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { method, headers } = request;
  const { download } = request.query as Static<typeof Query>;
  const { etag, modifiedMs, size } = file;
  const verdict = judgeConditions(method, headers, file);
  if (verdict === "failed") {
    throw new HttpError(412, "PRECONDITION_FAILED", "The condition on the file does not hold.", {
      headers: { etag },
    });
  }
  reply.headers(fileHeaders({ name: path.name, etag, modifiedMs }, { isDownload: download !== undefined }));
  if (verdict === "not-modified") return reply.code(304).send();

  const isRangeable = method === "GET" && rangeApplies(headers["if-range"]?.toString(), file, Date.now());
  const range = isRangeable ? parseRange(headers.range, size) : undefined;
  if (range === "unsatisfiable") {
    for (const name of ["content-type", "content-disposition"]) reply.removeHeader(name);
    const extra = { headers: { "content-range": `bytes */${size}` } };
    throw new HttpError(416, "RANGE_NOT_SATISFIABLE", `The file has ${size} bytes.`, extra);
  }
  if (range) reply.code(206).header("content-range", `bytes ${range.start}-${range.end - 1}/${size}`);
  const { start, end } = range ?? { start: 0, end: size };
  reply.header("content-length", end - start);
  if (method === "HEAD") return reply.send();

  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  reply.raw.statusCode = reply.statusCode;
  await sendFile(file.fd, { start, end }, reply.raw).catch((error: unknown) => {
    request.log.info({ err: error }, "a transfer ended early");
  });
  return reply;
}
