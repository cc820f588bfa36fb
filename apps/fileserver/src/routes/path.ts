import { NotFoundError, VolumePath } from "@wharf/volume";
import type { FastifyRequest } from "fastify";

/** The URL that all files stand under. */
export const FILES_URL = "/files/*";

const PREFIX = "/files";

/**
 * The path that a request names, read from the bytes it sent: decoded once, judged once.
 *
 * @throws {PathInvalidError} {@link NotFoundError}
 */
export function pathOf({ url }: FastifyRequest): VolumePath {
  const path = url.slice(0, url.length - queryOf(url).length);
  // The router decodes before it looks for a route, and so comes here for `/%66iles/x`, too.
  if (!path.startsWith(`${PREFIX}/`)) throw new NotFoundError(path);
  return VolumePath.parseEncoded(path.slice(PREFIX.length));
}

/** The query of a URL with its question mark; empty when there is none. */
export function queryOf(url: string): string {
  const start = url.indexOf("?");
  return start === -1 ? "" : url.slice(start);
}

/** The URL of a path, absolute on this server. */
export function urlOf(path: VolumePath): string {
  return PREFIX + path.toUrl();
}
