import { describe, expect, test } from "vitest";

import { AttemptError } from "./errors.ts";
import { backoffMs, nextAttemptMs, parseRetryAfter, RETRY_DEFAULTS, type RetryPolicy } from "./retry.ts";

const POLICY: RetryPolicy = { ...RETRY_DEFAULTS, maxAttempts: 10 };
const NOW = Date.parse("2026-11-23T12:00:00Z");

function transient(retryAfterMs?: number): AttemptError {
  return new AttemptError("X", "x", { isTransient: true, retryAfterMs });
}

describe("back-off", () => {
  test.each([
    [1, 1_000],
    [2, 2_000],
    [3, 4_000],
    [9, 256_000],
    [10, 300_000],
    [1_000, 300_000],
  ])("after %i failures it is anything up to %i ms", (failures, bound) => {
    expect(backoffMs(failures, POLICY, 0)).toBe(0);
    expect(backoffMs(failures, POLICY, 0.5)).toBe(bound / 2);
    expect(backoffMs(failures, POLICY, 0.999_999_9)).toBe(bound);
  });
});

describe("the next attempt", () => {
  test("does not follow on an error that will be the same", () => {
    expect(nextAttemptMs(new AttemptError("X", "x"), 1, POLICY, 0.5)).toBeUndefined();
  });

  test("does not follow on the last one", () => {
    expect(nextAttemptMs(transient(), 9, POLICY, 0)).toBe(0);
    expect(nextAttemptMs(transient(), 10, POLICY, 0)).toBeUndefined();
  });

  test("waits for as long as the source asked", () => {
    expect(nextAttemptMs(transient(7_000), 1, POLICY, 0.5)).toBe(7_000);
    expect(nextAttemptMs(transient(100), 1, POLICY, 0.5)).toBe(500);
  });

  test("does not wait for days", () => {
    expect(nextAttemptMs(transient(86_400_000), 1, POLICY, 0)).toBe(3_600_000);
  });
});

describe("Retry-After", () => {
  test.each([
    ["120", 120_000],
    ["0", 0],
    ["Mon, 23 Nov 2026 12:00:30 GMT", 30_000],
    ["Mon, 23 Nov 2026 11:00:00 GMT", 0],
    ["soon", undefined],
    ["-5x", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%j is %j ms", (field, ms) => {
    expect(parseRetryAfter(field, NOW)).toBe(ms);
  });
});
