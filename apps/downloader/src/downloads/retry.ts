import type { AttemptError } from "./errors.ts";

/** How attempts follow on one another. */
export interface RetryPolicy {
  /** Attempts without progress before the download has failed. */
  readonly maxAttempts: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** What a source may ask for at most. */
  readonly retryAfterCapMs: number;
}

export const RETRY_DEFAULTS: Omit<RetryPolicy, "maxAttempts"> = {
  baseMs: 1_000,
  capMs: 5 * 60_000,
  retryAfterCapMs: 60 * 60_000,
};

/**
 * How long to wait before the next attempt; undefined when there is to be none.
 *
 * @param failures attempts without progress so far, the last one included
 * @param random from 0 up to, but not including, 1
 */
export function nextAttemptMs(
  error: AttemptError,
  failures: number,
  policy: RetryPolicy,
  random: number,
): number | undefined {
  if (!error.isTransient || failures >= policy.maxAttempts) return undefined;
  const asked = Math.min(error.retryAfterMs ?? 0, policy.retryAfterCapMs);
  return Math.max(asked, backoffMs(failures, policy, random));
}

/** Exponential back-off with full jitter: anything up to a bound that doubles, so that no two sources of load agree. */
export function backoffMs(
  failures: number,
  policy: Pick<RetryPolicy, "baseMs" | "capMs">,
  random: number,
): number {
  const bound = Math.min(policy.capMs, policy.baseMs * 2 ** Math.max(0, failures - 1));
  return Math.round(bound * random);
}

/** Reads `Retry-After` in either form (RFC 9110 §10.2.3): seconds, or a date. */
export function parseRetryAfter(field: string | undefined, now: number): number | undefined {
  if (field === undefined) return undefined;
  if (/^\d{1,10}$/.test(field)) return Number(field) * 1000;
  const date = Date.parse(field);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
