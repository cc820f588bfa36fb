import { HttpError, problemOf, toHttpError, type App, type Problem } from "@wharf/service";
import type { FastifyRequest } from "fastify";
import { Type } from "typebox";

import type { Download, NewDownload } from "../downloads/download.ts";
import { DownloadRemovedError, fingerprintOf, parseIdempotencyKey } from "../downloads/idempotency.ts";
import type { Idempotency } from "../downloads/store.ts";
import { STATUSES } from "../statuses.ts";
import {
  METALINK,
  PLAIN,
  readSubmission,
  requireReadable,
  URI_LIST,
  type Element,
  type Submission,
} from "./create-body.ts";
import { CreateBodySchema, ListOptionsSchema } from "./create-schema.ts";
import { DownloadRef, toBody } from "./download-schema.ts";
import type { RouteContext } from "./index.ts";
import { DOWNLOADS_URL } from "./urls.ts";

/** By reference everywhere: once a route of a scope brings the schema itself, the serializer forgets its name. */
const ProblemRef = Type.Unsafe<Problem>({ $ref: "Problem#" });

const ResultSchema = Type.Object({
  status: Type.Integer({ description: "What the element would have been answered with alone" }),
  download: Type.Optional(DownloadRef),
  problem: Type.Optional(ProblemRef),
});

const ResultsSchema = Type.Object({ results: Type.Array(ResultSchema) });

const lists = {
  [URI_LIST]: { schema: Type.String({ description: "One URL a line (RFC 2483)" }) },
  [PLAIN]: { schema: Type.String({ description: "The same" }) },
  [METALINK]: { schema: Type.String({ description: "Metalink 4 (RFC 5854), up to 4 MiB" }) },
};

const common = {
  tags: ["downloads"],
  querystring: ListOptionsSchema,
  headers: Type.Object({
    "idempotency-key": Type.Optional(
      Type.String({
        description:
          "1 to 255 characters, in quotes or without; a repeat with the same one is answered like the first",
      }),
    ),
  }),
};

const postSchema = {
  ...common,
  summary: "Fetch a URL, or up to 1,000",
  description:
    "One: 201 with the download. An array, a list of URLs, a Metalink document: 200 with a result for each, in order. The query is for lists: it says of all their downloads what JSON says of each.",
  body: { content: { "application/json": { schema: CreateBodySchema }, ...lists } },
  response: { 200: ResultsSchema, 201: DownloadRef, "4xx": ProblemRef },
};

const putSchema = {
  ...common,
  summary: "Fetch what a file lists",
  description:
    "For `curl -T`: a list of URLs or a Metalink document, told apart by how it begins when there is no Content-Type.",
  body: { content: lists },
  response: { 200: ResultsSchema, "4xx": ProblemRef },
};

const MAX_BODY_BYTES = 16 * 2 ** 20;

/** `POST /downloads`, `PUT /downloads`. */
export function addCreate(app: App, context: RouteContext): void {
  app.register(async (scope: App) => {
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    const options = {
      bodyLimit: MAX_BODY_BYTES,
      // The schema describes; each element is judged by itself, so that one bad one does not spoil the others.
      validatorCompiler: () => () => true,
      onRequest: async (request: FastifyRequest) => requireReadable(request),
    };
    scope.post(DOWNLOADS_URL, { ...options, schema: postSchema }, async (request, reply) => {
      const { isSingle, judged, stored } = await submit(context, request);
      if (!isSingle) return reply.code(200).send({ results: toResults(judged, stored, request.id) });
      const [download] = stored;
      if (!download) throw new DownloadRemovedError();
      return reply.code(201).header("location", `${DOWNLOADS_URL}/${download.id}`).send(toBody(download));
    });
    scope.put(DOWNLOADS_URL, { ...options, schema: putSchema }, async (request, reply) => {
      const { judged, stored } = await submit(context, request);
      return reply.code(200).send({ results: toResults(judged, stored, request.id) });
    });
  });
}

type Judged = NewDownload | HttpError;

async function submit({ store, policy, wake }: RouteContext, request: FastifyRequest) {
  const submission = readSubmission(request, policy);
  const judged = submission.elements.map(judge);
  const [only] = judged;
  if (submission.isSingle && only instanceof HttpError) throw only;
  const stored = await store.insert(judged.filter(isWanted), idempotencyOf(request, submission, judged));
  wake();
  return { isSingle: submission.isSingle, judged, stored };
}

function judge({ read, place }: Element): Judged {
  try {
    return read();
  } catch (error) {
    const known = toHttpError(error, STATUSES);
    if (!known) throw error;
    if (place === undefined) return known;
    return new HttpError(known.status, known.code, `${place}: ${known.message}`, { cause: error });
  }
}

function isWanted(judged: Judged): judged is NewDownload {
  return !(judged instanceof HttpError);
}

/** What is refused is refused again each time: only what was accepted makes a repeat a repeat. */
function idempotencyOf(
  { headers }: FastifyRequest,
  { isSingle, elements }: Submission,
  judged: readonly Judged[],
): Idempotency | undefined {
  const field = headers["idempotency-key"];
  if (field === undefined) return undefined;
  const accepted = elements.map(({ asked }, index) => (judged[index] instanceof HttpError ? null : asked));
  return { key: parseIdempotencyKey(String(field)), fingerprint: fingerprintOf({ isSingle, accepted }) };
}

/** One result for each element; the downloads come in the order of those that were not refused. */
function toResults(
  judged: readonly Judged[],
  downloads: readonly (Download | undefined)[],
  requestId: string,
) {
  const rest = downloads.values();
  return judged.map((each) => {
    if (each instanceof HttpError) return { status: each.status, problem: problemOf(each, requestId) };
    const { value: download } = rest.next();
    if (download) return { status: 201, download: toBody(download) };
    const removed = new DownloadRemovedError();
    return { status: 410, problem: problemOf(new HttpError(410, removed.code, removed.message), requestId) };
  });
}
