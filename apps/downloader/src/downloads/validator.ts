import type { IncomingHttpHeaders } from "node:http";

/** How much older than the response a modification date must be to stand for one version only (RFC 9110 §8.8.2.2). */
const DATE_STRONG_AFTER_MS = 60_000;

/**
 * The response's strong validator, as `If-Range` takes it: a strong entity tag, else a modification date that is old
 * enough to be one. Null when there is none, and the bytes of this response can never be added to.
 */
export function strongValidator(headers: IncomingHttpHeaders): string | null {
  const { etag } = headers;
  if (etag !== undefined) return isStrongTag(etag) ? etag : null;
  const modified = headers["last-modified"];
  const age = Date.parse(headers.date ?? "") - Date.parse(modified ?? "");
  return modified !== undefined && age >= DATE_STRONG_AFTER_MS ? modified : null;
}

/** Whether a response is of the version that a strong validator was taken from. */
export function hasValidator(headers: IncomingHttpHeaders, validator: string): boolean {
  return (isStrongTag(validator) ? headers.etag : headers["last-modified"]) === validator;
}

/** Whether a field value is a strong entity tag (RFC 9110 §8.8.3): `W/` marks the weak ones. */
export function isStrongTag(value: string): boolean {
  return /^"[^"]*"$/.test(value);
}

/** The modification time a source gives its file, in milliseconds since the epoch. */
export function modifiedMs(headers: IncomingHttpHeaders): number | null {
  const time = Date.parse(headers["last-modified"] ?? "");
  return Number.isNaN(time) || time < 0 ? null : time;
}
