import type { IncomingHttpHeaders } from "node:http";

/** What a condition is judged against. */
export interface Validators {
  readonly etag: string | null;
  readonly modifiedMs: number;
}

/** Whether a request goes on, is answered 304, or fails with 412. */
export type Verdict = "proceed" | "not-modified" | "failed";

/**
 * Judges a request's conditions in the order of RFC 9110 §13.2.2.
 *
 * @param current undefined when nothing is at the path
 */
export function judgeConditions(
  method: string,
  headers: IncomingHttpHeaders,
  current: Validators | undefined,
): Verdict {
  const isRead = method === "GET" || method === "HEAD";
  const ifMatch = headers["if-match"];
  const ifUnmodifiedSince = parseDate(headers["if-unmodified-since"]);
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, current, isSameStrongly)) return "failed";
  } else if (ifUnmodifiedSince !== undefined && current && wholeSeconds(current) > ifUnmodifiedSince) {
    return "failed";
  }
  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined) {
    if (matches(ifNoneMatch, current, isSameWeakly)) return isRead ? "not-modified" : "failed";
    return "proceed";
  }
  const ifModifiedSince = parseDate(headers["if-modified-since"]);
  if (isRead && ifModifiedSince !== undefined && current && wholeSeconds(current) <= ifModifiedSince) {
    return "not-modified";
  }
  return "proceed";
}

/** Whether the headers have any condition that a change must be judged by. */
export function hasWriteConditions(headers: IncomingHttpHeaders): boolean {
  return ["if-match", "if-none-match", "if-unmodified-since"].some((name) => headers[name] !== undefined);
}

/**
 * Whether a `Range` counts (RFC 9110 §13.1.5): a weak tag never satisfies `If-Range`, and a date only when it is the
 * exact one of a version that is old enough for its date to be a strong validator (§8.8.2.2).
 */
export function rangeApplies(ifRange: string | undefined, current: Validators, nowMs: number): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.includes('"')) return isSameStrongly(ifRange.trim(), current.etag);
  return parseDate(ifRange) === wholeSeconds(current) && nowMs - current.modifiedMs > 1000;
}

/** The forms that name their zone, and `asctime()`'s, which does not and means GMT all the same (RFC 9110 §5.6.7). */
const ZONED_DATE = /^[A-Z][a-z]+, \d{1,2}[ -][A-Z][a-z]{2}[ -](?:\d{2}|\d{4}) \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME_DATE = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/** An HTTP date in milliseconds, or undefined: a date that cannot be read is as good as none (RFC 9110 §13.1.3). */
export function parseDate(text = ""): number | undefined {
  const zoned = ASCTIME_DATE.test(text) ? `${text} GMT` : text;
  const time = zoned !== text || ZONED_DATE.test(text) ? Date.parse(zoned) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

type Comparison = (given: string, current: string | null) => boolean;

function matches(list: string, current: Validators | undefined, isSame: Comparison): boolean {
  if (list.trim() === "*") return current !== undefined;
  if (!current) return false;
  return [...list.matchAll(/(?:W\/)?"[^"]*"/g)].some(([tag]) => isSame(tag, current.etag));
}

function isSameStrongly(given: string, current: string | null): boolean {
  return given === current;
}

function isSameWeakly(given: string, current: string | null): boolean {
  return given.replace(/^W\//, "") === current;
}

/** HTTP dates have no fractions of a second. */
function wholeSeconds({ modifiedMs }: Validators): number {
  return Math.floor(modifiedMs / 1000) * 1000;
}
