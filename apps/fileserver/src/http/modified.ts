import type { IncomingHttpHeaders } from "node:http";

import { HttpError } from "@wharf/service";

import { parseDate } from "./preconditions.ts";

/** Later times are kept as others by file systems such as ext4, without an error. */
const MAX_MODIFIED_MS = Date.UTC(2400, 0, 1);

/**
 * The modification time an upload asks for, in milliseconds: `X-OC-Mtime` in seconds, as rclone and ownCloud's clients
 * send it, or `Last-Modified`.
 *
 * @throws {HttpError} 400 `INVALID_REQUEST` when it cannot be read, or be kept: it must be from 1970 to 2400
 */
export function requestedModification(headers: IncomingHttpHeaders): number | undefined {
  const seconds = headers["x-oc-mtime"];
  if (typeof seconds === "string") {
    if (/^\d{1,11}(?:\.\d+)?$/.test(seconds)) return requireKept("X-OC-Mtime", Number(seconds) * 1000);
    throw new HttpError(400, "INVALID_REQUEST", "X-OC-Mtime must be a time in seconds since 1970.");
  }
  const date = headers["last-modified"];
  if (date === undefined) return undefined;
  const time = parseDate(date);
  if (time !== undefined) return requireKept("Last-Modified", time);
  throw new HttpError(400, "INVALID_REQUEST", "Last-Modified must be an HTTP date.");
}

function requireKept(header: string, timeMs: number): number {
  if (timeMs >= 0 && timeMs <= MAX_MODIFIED_MS) return timeMs;
  throw new HttpError(400, "INVALID_REQUEST", `${header} must be a time from 1970 to 2400.`);
}
