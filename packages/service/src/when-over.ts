import type { FastifyReply } from "fastify";

/**
 * Calls back once when a response is over: sent whole, or given up because its client has gone. Of the latter Fastify's
 * `onResponse` hears nothing.
 */
export function whenOver(reply: FastifyReply, done: (isWhole: boolean) => void): void {
  const { raw } = reply;
  let isOver = false;
  const settle = (isWhole: boolean): void => {
    if (!isOver) done(isWhole);
    isOver = true;
  };
  raw.once("finish", () => settle(true));
  // Deferred, as `inject` has its two events the other way round.
  raw.once("close", () => setImmediate(settle, false));
}
