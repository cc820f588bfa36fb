import type { FastifyInstance, FastifyRequest } from "fastify";

import { HttpError } from "./problem.ts";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Refuses what another site's page asks a visitor's browser to do here: a form post needs no permission from us to be
 * sent, and nothing else would ask who sent it. Programs that are not browsers send neither header.
 */
export function refuseCrossSite(app: FastifyInstance): void {
  app.addHook("onRequest", async (request) => {
    if (SAFE_METHODS.has(request.method) || !isCrossSite(request)) return;
    throw new HttpError(403, "CROSS_SITE", "A page of another site may not change anything here.");
  });
}

function isCrossSite({ headers, host }: FastifyRequest): boolean {
  const site = headers["sec-fetch-site"];
  if (site !== undefined) return site !== "same-origin" && site !== "none";
  const { origin } = headers;
  if (origin === undefined) return false;
  if (!URL.canParse(origin)) return true;
  // The host is read as the origin is: in small letters, and without its scheme's own port.
  const { protocol, host: from } = new URL(origin);
  const here = `${protocol}//${host}`;
  return !URL.canParse(here) || new URL(here).host !== from;
}
