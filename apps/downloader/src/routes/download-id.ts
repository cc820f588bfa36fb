import { DownloadUnknownError } from "../downloads/errors.ts";

/** RFC 9562 §4, in the small letters that ids are given out in. */
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * Reads the id in a download's URL. What cannot be one is not looked for: not every database takes every text.
 *
 * @throws {DownloadUnknownError}
 */
export function readId({ id }: { readonly id: string }): string {
  if (UUID.test(id)) return id;
  throw new DownloadUnknownError(id);
}
