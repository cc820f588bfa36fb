import type { IncomingHttpHeaders } from "node:http";

import { parseContentRange } from "./content-range.ts";
import { hasValidator, isStrongTag } from "./validator.ts";

/** What a transfer may be continued with: certain bytes of a certain version. */
export interface Known {
  /** The first byte that is missing. */
  readonly start: number;
  /** Where the gap ends; undefined when everything from `start` on is missing. */
  readonly end?: number | undefined;
  /** The version's; null when the whole file will tell whether its parts belong together. */
  readonly validator: string | null;
  readonly total: number | null;
}

/**
 * How a source is asked: for the rest unless the version changed, for the rest whatever the server makes of
 * conditions, or for everything.
 */
export type Ask = "rest-if-same" | "rest" | "whole";

/** The header fields that ask so. */
export function askFields(ask: Ask, known: Known | undefined): Record<string, string> {
  if (!known || ask === "whole") return {};
  const last = known.end === undefined ? "" : known.end - 1;
  const range = { range: `bytes=${known.start}-${last}` };
  return ask === "rest" || known.validator === null ? range : { ...range, "if-range": known.validator };
}

/**
 * What to do with an answer: take its body as the rest (`append`) or as everything (`replace`), or leave it and ask in
 * another way. Undefined: it brings nothing, and its status says why.
 *
 * Bytes of two versions are never joined: a part counts only with the validator, the place and the total expected.
 */
export function judgeAnswer(
  ask: Ask,
  known: Known | undefined,
  { status, headers }: { status: number; headers: IncomingHttpHeaders },
): "append" | "replace" | Ask | undefined {
  const isWhole = status === 200 || status === 203;
  if (!known || ask === "whole") return isWhole ? "replace" : undefined;
  if (status === 206) return isRest(headers, known) ? "append" : "whole";
  if (status === 416) return "whole";
  if (!isWhole) return undefined;
  // Some servers answer 200 to an If-Range that does match; the same strong tag gives them away.
  const { validator } = known;
  const isSame = validator !== null && isStrongTag(validator) && hasValidator(headers, validator);
  return ask === "rest-if-same" && isSame ? "rest" : "replace";
}

function isRest(headers: IncomingHttpHeaders, known: Known): boolean {
  const range = parseContentRange(headers["content-range"]);
  if (!range || range.start !== known.start || range.end >= (known.end ?? Infinity)) return false;
  if (known.validator !== null && !hasValidator(headers, known.validator)) return false;
  // A part of nobody knows how much would pass for the whole rest.
  return range.total !== null && (known.total === null || range.total === known.total);
}
