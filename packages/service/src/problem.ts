import { STATUS_CODES } from "node:http";

import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";

/** An error body as RFC 9457 has it, with a `code` that programs can rely on. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: "Identifies the kind of problem" }),
    title: Type.String({ description: "What the status means" }),
    status: Type.Integer({ description: "The response's status" }),
    detail: Type.String({ description: "What went wrong this time" }),
    instance: Type.String({ description: "The request that met it, by its X-Request-Id" }),
    code: Type.String({ description: "Stable, for programs to rely on" }),
  },
  { $id: "Problem", description: "RFC 9457 problem details", additionalProperties: true },
);

export type Problem = Static<typeof ProblemSchema>;

/** The schema of a response without a body. */
export function noBody(description: string) {
  return Type.Unsafe<undefined>({ type: "null", description });
}

const MEDIA_TYPE = "application/problem+json; charset=utf-8";

/** An error of HTTP's own, with the status and code to answer with; its message becomes the detail. */
export class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly members: Readonly<Record<string, unknown>>;

  /** @param extra headers of the answer, and further members of its body */
  constructor(
    status: number,
    code: string,
    detail: string,
    extra: {
      headers?: Record<string, string>;
      members?: Readonly<Record<string, unknown>>;
      cause?: unknown;
    } = {},
  ) {
    super(detail, { cause: extra.cause });
    this.name = "HttpError";
    this.status = status;
    this.code = code;
    this.headers = extra.headers ?? {};
    this.members = extra.members ?? {};
  }
}

/** Which status an error's `code` is answered with; each application has one such table. */
export type StatusTable = Readonly<Record<string, number>>;

/** What Fastify's own errors are called in our answers. */
const FRAMEWORK_CODES: Readonly<Record<string, string>> = {
  FST_ERR_VALIDATION: "INVALID_REQUEST",
  FST_ERR_CTP_INVALID_JSON_BODY: "INVALID_JSON",
  FST_ERR_CTP_EMPTY_JSON_BODY: "INVALID_JSON",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "BODY_TRUNCATED",
  FST_ERR_CTP_BODY_TOO_LARGE: "TOO_LARGE",
  FST_ERR_BAD_URL: "PATH_INVALID",
};

/** Has every error answered as a problem. What is in neither table is a 500, told whole to the log alone. */
export function answerWithProblems(app: FastifyInstance, statuses: StatusTable): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const answer = toHttpError(error, statuses) ?? internalError(error);
    if (answer.code === INTERNAL) request.log.error({ err: answer.cause }, "unexpected error");
    return sendProblem(request, reply, answer);
  });
}

const INTERNAL = "INTERNAL";

/** What an error that nobody knows is answered with, which says nothing of it; thrown, it is logged with its cause. */
export function internalError(cause: unknown, members: Readonly<Record<string, unknown>> = {}): HttpError {
  return new HttpError(500, INTERNAL, "Something went wrong on our side.", { cause, members });
}

/** What an error is answered with; undefined when it is not one a client should hear of. */
export function toHttpError(error: unknown, statuses: StatusTable): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  const status = Object.hasOwn(statuses, error.code) ? statuses[error.code] : undefined;
  if (status !== undefined) return new HttpError(status, error.code, error.message, { cause: error });
  if (!("statusCode" in error) || typeof error.statusCode !== "number" || error.statusCode >= 500)
    return undefined;
  const code = FRAMEWORK_CODES[error.code] ?? codeOfStatus(error.statusCode);
  return new HttpError(error.statusCode, code, error.message, { cause: error });
}

/** Answers a request with a problem. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply {
  return reply
    .code(error.status)
    .headers(error.headers)
    .type(MEDIA_TYPE)
    .send(JSON.stringify(problemOf(error, request.id)));
}

/** The body of a problem. */
export function problemOf(error: HttpError, requestId: string): Problem {
  return {
    type: `urn:wharf:problem:${error.code}`,
    title: STATUS_CODES[error.status] ?? "Error",
    status: error.status,
    detail: error.message,
    instance: `urn:wharf:request:${requestId}`,
    code: error.code,
    ...error.members,
  };
}

/** A whole response, for a socket on which no request could be understood. */
export function rawProblem(
  error: HttpError,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  const body = JSON.stringify(problemOf(error, requestId));
  return [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}`,
    `Content-Type: ${MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}

function codeOfStatus(status: number): string {
  return (STATUS_CODES[status] ?? "Error").toUpperCase().replaceAll(/[^A-Z]+/g, "_");
}
