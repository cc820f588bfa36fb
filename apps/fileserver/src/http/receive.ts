import type { Hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";

import { HttpError } from "@wharf/service";
import type { StagedFile } from "@wharf/volume";

/**
 * Receives a body, or the part of one that `source` is, into a staged file, and resolves to its length.
 *
 * @throws {HttpError} 400 `BODY_TRUNCATED` when the client went away or the body ended before it should have
 * @throws {VolumeError} what the disk said
 */
export async function receiveBody(
  staged: StagedFile,
  source: Readable,
  request: IncomingMessage,
  options: { maxBytes: number; hash?: Hash },
): Promise<number> {
  try {
    return await staged.receive(source, options);
  } catch (error) {
    throw isTruncation(error, request) ? truncated(error) : error;
  }
}

/** What a stream says that was cut off; an error of ours is none of these, even when it comes at the same time. */
const CUT_OFF_CODES = new Set(["ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE", "FST_MP_PREMATURE_CLOSE"]);
/** A form's parser has no codes. */
const PARSER_MESSAGES = new Set([
  "Unexpected end of multipart data",
  "Part terminated early due to unexpected end of multipart data",
]);

/** Whether an error says that a request's body ended before it should have. */
export function isTruncation(error: unknown, request: IncomingMessage): boolean {
  if (!(error instanceof Error)) return false;
  if (PARSER_MESSAGES.has(error.message)) return true;
  if (request.readableEnded) return false; // it was read whole
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" && CUT_OFF_CODES.has(code);
}

/** A body that ended before it should have. */
export function truncated(cause: unknown): HttpError {
  const detail = "The body ended before it was complete; nothing of it was kept.";
  return new HttpError(400, "BODY_TRUNCATED", detail, { cause });
}
