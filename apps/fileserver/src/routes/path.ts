import { VolumePath } from "@wharf/volume";
import type { FastifyRequest } from "fastify";

/** The URL that all files stand under. */
export const FILES_URL = "/files/*";

const PREFIX = "/files";

/**
 * The path that a request names, read from the bytes it sent: decoded once, judged once.
 *
 * @throws {PathInvalidError} {@link NotFoundError}
 */
export function pathOf(request: FastifyRequest): VolumePath {
  return VolumePath.parseEncoded(request.url.slice(PREFIX.length).split("?", 1)[0] ?? "");
}

/** The URL of a path, absolute on this server. */
export function urlOf(path: VolumePath): string {
  return PREFIX + path.toUrl();
}
