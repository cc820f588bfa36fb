import { setTimeout as sleep } from "node:timers/promises";

import { beforeEach, describe, expect, test, vi } from "vitest";

import { SpeedLimiter, TokenBucket } from "./token-bucket.ts";

const KIB = 1024;

describe("a bucket", () => {
  test.each([
    ["what the burst has room for is free", [[0, 200, 0]]],
    ["what is more is paid for afterwards, whatever its size", [[0, 5_200, 5_000]]],
    [
      "debts add up",
      [
        [0, 200, 0],
        [0, 300, 300],
        [0, 300, 600],
      ],
    ],
    [
      "time pays",
      [
        [0, 200, 0],
        [0, 500, 500],
        [400, 0, 100],
        [600, 0, 0],
      ],
    ],
    ["no more is saved than the burst", [[60_000, 1_200, 1_000]]],
  ])("at 1,000 bytes a second: %s", (_what, steps) => {
    const bucket = new TokenBucket(1_000, 0);
    for (const [atMs = 0, bytes = 0, waitMs] of steps)
      expect(bucket.take(bytes, atMs)).toBeCloseTo(waitMs ?? 0);
  });

  test("without a limit nothing is waited for, and nothing is owed when there is one again", () => {
    const bucket = new TokenBucket(null, 0);
    expect(bucket.take(1e12, 0)).toBe(0);
    bucket.setRate(1_000, 0);
    expect(bucket.take(1_200, 0)).toBe(1_000);
    bucket.setRate(null, 0);
    bucket.setRate(1_000, 0);
    expect(bucket.take(200, 0)).toBe(0);
  });

  test("another rate counts from when it is set", () => {
    const bucket = new TokenBucket(1_000, 0);
    bucket.take(10_200, 0);
    bucket.setRate(4_000, 2_000);
    expect(bucket.take(0, 2_000)).toBe(2_000);
    bucket.setRate(100, 4_000);
    expect(bucket.take(100, 4_000)).toBe(1_000);
  });
});

describe("those who share a limiter", () => {
  beforeEach(() => {
    vi.useFakeTimers();
    return () => void vi.useRealTimers();
  });

  /** Takes a chunk as soon as the one before is paid for; counts what it took. */
  function source(limiter: SpeedLimiter, chunk: number): { bytes: number } {
    const counter = { bytes: 0 };
    const flow = (): void => {
      counter.bytes += chunk;
      void (limiter.take(chunk) ?? Promise.resolve()).then(flow);
    };
    flow();
    return counter;
  }

  test("get as much in all as the limit says, however many they are and whatever they take at once", async () => {
    const limiter = new SpeedLimiter(1_000 * KIB);
    const sources = [64, 64, 16, 300].map((chunk) => source(limiter, chunk * KIB));
    await vi.advanceTimersByTimeAsync(60_000);
    const total = sources.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeGreaterThanOrEqual(60_000 * KIB);
    expect(total).toBeLessThanOrEqual((60_000 + 200 + 64 + 64 + 16 + 300) * KIB);
  });

  test("take turns: one that is always ready leaves the others theirs", async () => {
    const limiter = new SpeedLimiter(100 * KIB);
    const greedy = source(limiter, 64 * KIB);
    const others = Array.from({ length: 7 }, () => source(limiter, 64 * KIB));
    await vi.advanceTimersByTimeAsync(100_000);
    for (const { bytes } of others) expect(Math.abs(bytes - greedy.bytes)).toBeLessThanOrEqual(64 * KIB);
  });

  test("are paid for in the order they came", async () => {
    const limiter = new SpeedLimiter(1_000);
    expect(limiter.take(200)).toBeUndefined();
    const order: number[] = [];
    for (const chunk of [500, 10, 300]) void limiter.take(chunk)?.then(() => order.push(chunk));
    await vi.advanceTimersByTimeAsync(499);
    expect(order).toEqual([]);
    await vi.advanceTimersByTimeAsync(11);
    expect(order).toEqual([500, 10]);
    await vi.advanceTimersByTimeAsync(300);
    expect(order).toEqual([500, 10, 300]);
  });

  test("hear at once of a limit that is raised, lowered or lifted", async () => {
    const limiter = new SpeedLimiter(1);
    limiter.setRate(100);
    const resumed = vi.fn<() => void>();
    void limiter.take(100_000)?.then(() => resumed());
    await vi.advanceTimersByTimeAsync(10_000);
    limiter.setRate(49_500);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(resumed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(10);
    expect(resumed).toHaveBeenCalledOnce();

    void limiter.take(1_000_000)?.then(() => resumed());
    limiter.setRate(1);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(resumed).toHaveBeenCalledOnce();
    limiter.setRate(null);
    await vi.advanceTimersByTimeAsync(0);
    expect(resumed).toHaveBeenCalledTimes(2);
    expect(limiter.take(1e9)).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a pause longer than a timer can be is a pause", async () => {
    const limiter = new SpeedLimiter(1);
    const resumed = vi.fn<() => void>();
    void limiter.take(1e9)?.then(() => resumed());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(resumed).not.toHaveBeenCalled();
  });

  test("the narrower of two limits is what counts, and the wider one is charged with no more", async () => {
    const [own, shared] = [new SpeedLimiter(100 * KIB), new SpeedLimiter(1_000 * KIB)];
    const limited = { bytes: 0 };
    const flow = (): void => {
      limited.bytes += 16 * KIB;
      void Promise.all([own.take(16 * KIB), shared.take(16 * KIB)]).then(flow);
    };
    flow();
    const free = source(shared, 16 * KIB);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(limited.bytes).toBeGreaterThan(980 * KIB);
    expect(limited.bytes).toBeLessThan(1_060 * KIB);
    expect(free.bytes).toBeGreaterThan(8_900 * KIB);
  });
});

test("in real time no more comes than was agreed on", async () => {
  const limiter = new SpeedLimiter(1_000 * KIB);
  const start = performance.now();
  let bytes = 0;
  const flow = async (): Promise<void> => {
    while (performance.now() - start < 600) {
      bytes += 64 * KIB;
      await (limiter.take(64 * KIB) ?? sleep(0));
    }
  };
  await Promise.all([flow(), flow(), flow()]);
  const seconds = (performance.now() - start) / 1000;
  expect(bytes).toBeLessThanOrEqual((seconds + 0.2) * 1_000 * KIB + 64 * KIB * 3);
  expect(bytes).toBeGreaterThan(64 * KIB * 3);
});
