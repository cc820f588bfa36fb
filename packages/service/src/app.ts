import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { hostname } from "node:os";

import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RawServerDefault,
} from "fastify";
import type { Registry } from "prom-client";

import { closeGently } from "./connections.ts";
import { refuseCrossSite } from "./cross-site.ts";
import { addHealthRoutes, type Health } from "./health.ts";
import type { Logger } from "./logger.ts";
import { measureRequests } from "./metrics.ts";
import { describeApi, type ApiInfo } from "./openapi.ts";
import { answerOtherMethods } from "./other-methods.ts";
import {
  answerWithProblems,
  HttpError,
  internalError,
  rawProblem,
  sendProblem,
  toHttpError,
  type StatusTable,
} from "./problem.ts";
import { deferContinue, endGently } from "./request-body.ts";
import { refuseUnclearRequests } from "./unclear-requests.ts";
import { whenOver } from "./when-over.ts";

/** A Fastify instance whose routes take TypeBox schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface AppOptions {
  readonly logger: Logger;
  readonly health: Health;
  readonly registry: Registry;
  readonly api: ApiInfo;
  /** Which status each error code is answered with. */
  readonly statuses: StatusTable;
  /** Blocks of addresses whose forwarding headers count. */
  readonly trustProxy: readonly string[];
}

/** 4,096 bytes of path are up to 12 KiB percent-encoded; the rest is for headers. */
const MAX_HEADER_BYTES = 32 * 1024;
/** A connection on which nothing moves for this long has lost its client, who may never have said so. */
const IDLE_TIMEOUT_MS = 300_000;
const SERVED_BY = hostname();
const SANE_REQUEST_ID = /^[\w.:=+/-]{1,128}$/;

/**
 * What both services are made of: request ids, a log line for each request, problems for errors, health, metrics, the
 * API's description, and manners towards clients whose body is not wanted. Routes are added to what it returns, by `register`: those added at once
 * are there before the description is, which then says nothing of them.
 */
export function createApp(options: AppOptions): App {
  const { health, registry, api, statuses, trustProxy } = options;
  const logger: FastifyBaseLogger = options.logger;
  const app: App = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    genReqId: requestId,
    rewriteUrl: (request) => originForm(request.url ?? "/"),
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    // While closing, requests on open connections are still served; `Connection: close` sends the next one elsewhere.
    return503OnClosing: false,
    connectionTimeout: IDLE_TIMEOUT_MS,
    http: { maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false },
    routerOptions: { maxParamLength: MAX_HEADER_BYTES },
    frameworkErrors: (error, request, reply) => {
      begin(request, reply, health);
      void sendProblem(request, reply, toHttpError(error, statuses) ?? internalError(error));
    },
    clientErrorHandler: answerUnreadable,
  }).withTypeProvider<TypeBoxTypeProvider>();

  closeGently(app.server);
  app.server.on("connect", (_request: IncomingMessage, socket: Socket) => refuseTunnel(socket));
  app.removeContentTypeParser("text/plain"); // nothing here is asked for as text
  app.addHook("onRequest", async (request, reply) => begin(request, reply, health));

  // At a terminal the prompt then begins a line of its own.
  app.addHook("onSend", async (_request, reply, payload) => {
    const isJson = /^application\/(?:problem\+)?json/.test(String(reply.getHeader("content-type")));
    return isJson && typeof payload === "string" ? `${payload}\n` : payload;
  });

  // Before the hooks that answer, or what they refuse would not be counted.
  measureRequests(app, registry);
  answerWithProblems(app, statuses);
  refuseUnclearRequests(app);
  answerOtherMethods(app);
  deferContinue(app);
  refuseCrossSite(app);
  describeApi(app, api);
  app.register(async (scope) => addHealthRoutes(scope, health));
  return app;
}

/** What every response has, whoever gives it, and the line of the log that tells of it. */
function begin(request: FastifyRequest, reply: FastifyReply, health: Health): void {
  reply.headers({ "x-request-id": request.id, "x-served-by": SERVED_BY });
  if (health.isDraining) reply.header("connection", "close");
  whenOver(reply, (isWhole) => {
    const { method, url } = request;
    const ms = Math.round(reply.elapsedTime);
    const status = isWhole ? { status: reply.statusCode } : { aborted: true };
    const outcome = isWhole ? reply.statusCode : "aborted";
    request.log.info({ method, url, ...status, ms }, `${method} ${url} ${outcome} ${ms} ms`);
  });
}

function requestId(request: IncomingMessage): string {
  const given = request.headers["x-request-id"];
  return typeof given === "string" && SANE_REQUEST_ID.test(given) ? given : randomUUID();
}

/** A request may name its whole URL (RFC 9112 §3.2.2); only its path and query matter here. */
function originForm(url: string): string {
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/i.exec(url) ?? [];
  if (rest === undefined) return url;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** What the parser said, by what the client did wrong. */
const PARSER_ERRORS: Readonly<Record<string, HttpError>> = {
  HPE_INVALID_EOF_STATE: new HttpError(400, "BODY_TRUNCATED", "The connection ended before the request did."),
  HPE_HEADER_OVERFLOW: new HttpError(431, "HEADERS_TOO_LARGE", `Headers may have ${MAX_HEADER_BYTES} bytes.`),
  ERR_HTTP_REQUEST_TIMEOUT: new HttpError(408, "REQUEST_TIMEOUT", "The request's headers took too long."),
};

/** Answers on a socket whose bytes are no HTTP request, or end before one is complete. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  const isGone = error.code === "ECONNRESET" || !socket.writable;
  const before = answerInProgress(socket);
  // A problem in the midst of another response would be taken for a part of it; Node itself looks at the same.
  if (isGone || before?.headersSent) return void socket.destroy();
  // The request before was whole: what is wrong comes after it, and so does our answer (RFC 9112 §9.3.2).
  if (before?.req.complete) return void before.once("finish", () => answerUnreadable(error, socket));
  const known =
    PARSER_ERRORS[error.code ?? ""] ?? new HttpError(400, "BAD_REQUEST", "This is not an HTTP request.");
  socket.write(rawProblem(known, randomUUID(), { "X-Served-By": SERVED_BY }));
  endGently(socket);
}

/** Answers `CONNECT`, whose socket Node closes without a word when nobody listens. */
function refuseTunnel(socket: Socket): void {
  socket.on("error", () => undefined); // it is no longer Node's
  const error = new HttpError(501, "NOT_IMPLEMENTED", "This is no proxy.");
  socket.write(rawProblem(error, randomUUID(), { "X-Served-By": SERVED_BY }));
  endGently(socket);
  socket.resume();
}

function answerInProgress(
  socket: Socket & { _httpMessage?: ServerResponse | null },
): ServerResponse | undefined {
  return socket._httpMessage ?? undefined;
}
