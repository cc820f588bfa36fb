import { afterEach, describe, expect, test, vi } from "vitest";

import { Health } from "./health.ts";
import { testApp } from "./testing/app.ts";

const fine = async (): Promise<void> => undefined;
const broken = async (): Promise<void> => {
  throw new Error("The volume is not available.");
};
const hanging = (): Promise<void> => new Promise(() => undefined);

afterEach(() => void vi.useRealTimers());

describe("readiness", () => {
  test("is given when every check passes", async () => {
    const { app } = testApp(undefined, { health: new Health({ volume: fine, store: fine }) });
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ status: "ok" });
  });

  test("is refused with the checks that fail", async () => {
    const { app } = testApp(undefined, { health: new Health({ volume: broken, store: fine }) });
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(503);
    expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(response.json()).toMatchObject({
      status: 503,
      code: "NOT_READY",
      detail: "The volume is not available.",
      checks: { volume: "The volume is not available." },
    });
  });

  test("is refused when a check throws at once, or something that is no error", async () => {
    const health = new Health({
      sync: () => {
        throw new Error("thrown");
      },
      odd: () => Promise.reject("odd"),
    });
    expect(await health.failures()).toEqual({ sync: "thrown", odd: "odd" });
  });

  test("does not wait for a check that never ends", async () => {
    vi.useFakeTimers();
    const failures = new Health({ volume: hanging, store: fine }).failures();
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await failures).toEqual({ volume: "No answer in time." });
    expect(vi.getTimerCount()).toBe(0);
  });

  test("leaves no timer behind", async () => {
    vi.useFakeTimers();
    await new Health({ volume: fine, store: broken }).failures();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is refused from the moment the process is to end", async () => {
    const health = new Health({ volume: fine });
    const { app } = testApp(undefined, { health });
    health.isDraining = true;
    const response = await app.inject("/readyz");
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({ checks: { shutdown: "The process is about to end." } });
  });
});

test.each([
  ["a check fails", broken, false],
  ["a check hangs", hanging, false],
  ["the process is to end", fine, true],
])("a process is alive while %s", async (_what, check, isDraining) => {
  const health = new Health({ volume: check });
  health.isDraining = isDraining;
  const { app } = testApp(undefined, { health });
  const response = await app.inject("/livez");
  expect(response.statusCode).toBe(200);
  expect(response.json()).toEqual({ status: "ok" });
});
