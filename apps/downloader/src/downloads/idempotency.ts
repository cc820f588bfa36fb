import { hash } from "node:crypto";

import { DownloadError } from "./errors.ts";

/** The field is no Idempotency-Key. */
class KeyInvalidError extends DownloadError {
  constructor() {
    super(
      "IDEMPOTENCY_KEY_INVALID",
      "An Idempotency-Key has 1 to 255 visible characters; in quotes, it may have blanks as well.",
    );
  }
}

/** What an Idempotency-Key has made is not there any more. */
export class DownloadRemovedError extends DownloadError {
  constructor() {
    super("DOWNLOAD_REMOVED", "The download that was made with this Idempotency-Key has been removed since.");
  }
}

/** `sf-string` (RFC 9651 §3.3.3): what stands in quotes may have blanks. */
const QUOTED = /^"((?:[ !#-[\]-~]|\\["\\])+)"$/;
const BARE = /^[!#-~]+$/;
const MAX_LENGTH = 255;

/**
 * Reads the `Idempotency-Key` field (draft-ietf-httpapi-idempotency-key-header §2.1): a string item, or, as many clients
 * send it, its characters alone.
 *
 * @throws {DownloadError} `IDEMPOTENCY_KEY_INVALID`
 */
export function parseIdempotencyKey(field: string): string {
  const [, quoted] = QUOTED.exec(field) ?? [];
  const key = quoted?.replaceAll(/\\(.)/g, "$1") ?? (BARE.test(field) ? field : "");
  if (key.length === 0 || key.length > MAX_LENGTH) throw new KeyInvalidError();
  return key;
}

/**
 * A digest of what was submitted: of the data, not of the bytes it came in, so that a client may write the same again in
 * another order; and before defaults and judgement, so that neither a release nor a setting makes it another.
 */
export function fingerprintOf(submitted: unknown): string {
  return hash("sha256", JSON.stringify(submitted, inOrder), "hex");
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
