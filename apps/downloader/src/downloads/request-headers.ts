import { HeaderForbiddenError } from "./errors.ts";
import type { RequestHeaders } from "./download.ts";

/** What the transfer itself must say, or leave unsaid, for its answer to mean what it takes it for. */
const OWN_FIELDS = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "http2-settings",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "keep-alive",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** RFC 9110 §5.5: visible characters, blanks and tabs between them. */
const FIELD_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/**
 * Judges the request headers a client wants sent to its source, and lower-cases their names.
 *
 * @throws {HeaderForbiddenError} naming the field, never its value
 */
export function judgeHeaders(headers: Readonly<Record<string, string>>): RequestHeaders {
  const judged: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const field = name.toLowerCase();
    if (!TOKEN.test(name)) throw new HeaderForbiddenError("A header's name is not a token.");
    if (OWN_FIELDS.has(field) || field.startsWith("proxy-")) {
      throw new HeaderForbiddenError(`The header ${field} is not one that a download may set.`);
    }
    if (!FIELD_VALUE.test(value)) {
      throw new HeaderForbiddenError(
        `The value of the header ${field} has characters that a header cannot have.`,
      );
    }
    judged[field] = value;
  }
  return judged;
}

/** The headers as they are shown: what they are, never what they say. */
export function redact(headers: RequestHeaders): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name, "[redacted]"]));
}
