import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The handler reads the body itself, and calls {@link acceptBody} when it has decided to. */
    readsBody?: boolean;
  }
}

/** How long the rest of a body nobody wants is still read, so that its sender gets to see the answer. */
const LINGER_MS = 10_000;

/**
 * Lets a request be judged before its body is asked for. Node answers `Expect: 100-continue` (RFC 9110 §10.1.1) at once
 * by itself; here it is answered when the body is about to be read, so that a client that is to be refused sends none.
 */
export function deferContinue(app: FastifyInstance): void {
  // Any other expectation is one that nobody has; Node would answer it with an empty 417.
  for (const event of ["checkContinue", "checkExpectation"]) {
    app.server.on(event, (request: IncomingMessage, response: ServerResponse) =>
      app.routing(request, response),
    );
  }
  app.addHook("preParsing", async (request, reply) => {
    if (!request.routeOptions.config.readsBody) acceptBody(request, reply);
  });
  app.addHook("onSend", async (request, reply) => {
    // Whether the body will still be sent is the client's to choose, so where the next request starts is unknown.
    if (expectsContinue(request) && !isAccepted.has(request.raw)) reply.header("connection", "close");
    if (!request.raw.complete) endGentlyAfter(request.raw);
  });
  app.addHook("onResponse", async (request) => drain(request));
}

const isAccepted = new WeakSet<object>();

/** Asks for the body, if the client waits to be asked. */
export function acceptBody(request: FastifyRequest, reply: FastifyReply): void {
  if (isAccepted.has(request.raw)) return;
  isAccepted.add(request.raw);
  if (expectsContinue(request)) reply.raw.writeContinue();
}

function expectsContinue(request: FastifyRequest): boolean {
  return request.headers.expect?.toLowerCase() === "100-continue";
}

/**
 * Reads on after an early answer: closing a connection with unread bytes makes the kernel reset it, and curl and
 * browsers then lose the answer that was on its way. For a while only: a body may be endless.
 */
function drain({ raw }: FastifyRequest): void {
  if (raw.complete || raw.destroyed) return;
  raw.resume();
  const timer = setTimeout(() => raw.destroy(), LINGER_MS).unref();
  for (const event of ["end", "close"]) raw.once(event, () => clearTimeout(timer));
}

/** After the last answer of a connection Node destroys it, by `destroySoon`, whatever is still on its way to us. */
function endGentlyAfter(request: IncomingMessage): void {
  const { socket } = request;
  socket.destroySoon = () => {
    delete (socket as Partial<Socket>).destroySoon;
    if (request.complete) return socket.destroySoon();
    request.once("end", () => socket.destroySoon());
    endGently(socket);
  };
}

/** Says that nothing more will come, and leaves the other side a while to read what came before. */
export function endGently(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once("close", () => clearTimeout(timer));
}
