import type { IncomingHttpHeaders } from "node:http";

import { HttpError } from "@wharf/service";

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
  // What cannot be read is as good as none to a reader, and was refused to a writer.
  if (ifNoneMatch !== undefined && parseTags(ifNoneMatch)) {
    if (matches(ifNoneMatch, current, isSameWeakly)) return isRead ? "not-modified" : "failed";
    return "proceed";
  }
  const ifModifiedSince = parseDate(headers["if-modified-since"]);
  if (isRead && ifModifiedSince !== undefined && current && wholeSeconds(current) <= ifModifiedSince) {
    return "not-modified";
  }
  return "proceed";
}

/**
 * Refuses a change whose conditions cannot be read: done without them, it might destroy what they were to protect. A
 * date that is none has to be ignored all the same (RFC 9110 §13.1.4).
 *
 * @throws {HttpError} 400 `INVALID_REQUEST`
 */
export function requireReadableConditions(headers: IncomingHttpHeaders): void {
  for (const name of ["If-Match", "If-None-Match"] as const) {
    const value = headers[name.toLowerCase()];
    if (typeof value !== "string" || parseTags(value)) continue;
    throw new HttpError(400, "INVALID_REQUEST", `${name} must be * or a list of entity tags.`);
  }
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
  const tags = parseTags(list);
  if (!tags || !current) return false;
  return tags === "*" || tags.some((tag) => isSame(tag, current.etag));
}

/** A list's element (RFC 9110 §5.6.1.2, §8.8.3), which may be empty. */
const TAG = /[ \t]*(?:((?:W\/)?"[\x21\x23-\x7E\x80-\xFF]*")[ \t]*)?(?:,|$)/y;

/** `*`, or a list of entity tags (RFC 9110 §13.1.1, §13.1.2); undefined when it is neither. */
function parseTags(list: string): "*" | string[] | undefined {
  // A `*` in each of several lines, which come joined, says no more than one.
  if (/^[ \t]*\*[ \t]*(?:,[ \t]*\*[ \t]*)*$/.test(list)) return "*";
  const tags: string[] = [];
  for (let position = 0; position < list.length; position = TAG.lastIndex) {
    TAG.lastIndex = position;
    const match = TAG.exec(list);
    if (!match) return undefined;
    if (match[1] !== undefined) tags.push(match[1]);
  }
  return tags.length > 0 ? tags : undefined;
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
