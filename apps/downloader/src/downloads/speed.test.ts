import { expect, test } from "vitest";

import { SpeedMeter } from "./speed.ts";

test("a steady flow is measured as it is", () => {
  const meter = new SpeedMeter(0, 0);
  expect(meter.measure(1000, 1000)).toBe(1000);
  expect(meter.measure(2000, 2000)).toBe(1000);
});

test("a change shows, smoothed", () => {
  const meter = new SpeedMeter(0, 0);
  meter.measure(1000, 1000);
  const speed = meter.measure(1000, 2000);
  expect(speed).toBeGreaterThan(0);
  expect(speed).toBeLessThan(1000);
});

test("bytes that were there before do not count, nor does starting over", () => {
  const meter = new SpeedMeter(5000, 0);
  expect(meter.measure(5000, 1000)).toBe(0);
  expect(meter.measure(0, 2000)).toBe(0);
});

test("no time has no speed", () => {
  expect(new SpeedMeter(0, 5).measure(10, 5)).toBe(0);
});
