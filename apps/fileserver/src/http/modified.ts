import type { IncomingHttpHeaders } from "node:http";

import { HttpError } from "@wharf/service";

import { parseDate } from "./preconditions.ts";

/**
 * The modification time an upload asks for, in milliseconds: `X-OC-Mtime` in seconds, as rclone and ownCloud's clients
 * send it, or `Last-Modified`.
 *
 * @throws {HttpError} 400 `INVALID_REQUEST` when it cannot be read
 */
export function requestedModification(headers: IncomingHttpHeaders): number | undefined {
  const seconds = headers["x-oc-mtime"];
  if (typeof seconds === "string") {
    if (/^\d{1,11}(?:\.\d+)?$/.test(seconds)) return Number(seconds) * 1000;
    throw new HttpError(400, "INVALID_REQUEST", "X-OC-Mtime must be a time in seconds since 1970.");
  }
  const date = headers["last-modified"];
  const time = parseDate(date);
  if (date !== undefined && time === undefined) {
    throw new HttpError(400, "INVALID_REQUEST", "Last-Modified must be an HTTP date.");
  }
  return time;
}
