import type { IncomingMessage } from "node:http";

import type { FastifyInstance } from "fastify";

import { HttpError } from "./problem.ts";

/** Refuses requests that are HTTP, but leave open whom they are for or what their body is. */
export function refuseUnclearRequests(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ raw }) => {
    requireHost(raw);
    requireKnownCoding(raw);
  });
}

/** RFC 9112 §3.2: from HTTP/1.1 on there is one `Host`. Node's own check answers with an empty 400. */
function requireHost({ httpVersion, rawHeaders }: IncomingMessage): void {
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  if (hosts === 1 || (hosts === 0 && httpVersion === "1.0")) return;
  throw new HttpError(400, "BAD_REQUEST", "A request must have one Host header.", {
    headers: { connection: "close" },
  });
}

/** RFC 9112 §6.1: a coding beside `chunked` would have to be undone, or its bytes be taken for the body's own. */
function requireKnownCoding({ headers }: IncomingMessage): void {
  const coding = headers["transfer-encoding"];
  if (coding === undefined || coding.toLowerCase() === "chunked") return;
  throw new HttpError(501, "NOT_IMPLEMENTED", "The only transfer coding that is understood is chunked.", {
    headers: { connection: "close" },
  });
}
