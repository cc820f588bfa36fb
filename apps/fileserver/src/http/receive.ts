import type { Hash } from "node:crypto";
import type { Readable } from "node:stream";

import { HttpError } from "@wharf/service";
import { VolumeError, type StagedFile } from "@wharf/volume";

/**
 * Receives a body into a staged file, and resolves to its length.
 *
 * @throws {HttpError} 400 `BODY_TRUNCATED` when the client went away or the body ended before it should have
 * @throws {VolumeError} what the disk said
 */
export async function receiveBody(
  staged: StagedFile,
  source: Readable,
  options: { maxBytes: number; hash?: Hash },
): Promise<number> {
  try {
    return await staged.receive(source, options);
  } catch (error) {
    if (error instanceof VolumeError || !source.destroyed) throw error;
    throw truncated(error);
  }
}

/** A body that ended before it should have. */
export function truncated(cause: unknown): HttpError {
  return new HttpError(
    400,
    "BODY_TRUNCATED",
    "The body ended before it was complete; nothing of it was kept.",
    {
      cause,
    },
  );
}
