import { describe, expect, test } from "vitest";

import { SegmentPlan, type Segment } from "./segments.ts";

const MIB = 1 << 20;

function segment(
  position: number,
  end: number,
  { speed = 0, askedEnd = end } = {},
): Segment & { end: number } {
  return {
    position,
    end,
    askedEnd,
    speed,
    resize(to: number) {
      this.end = to;
    },
  };
}

describe("another connection", () => {
  test("brings the largest gap first", () => {
    const plan = new SegmentPlan([
      { start: 0, end: 5 },
      { start: 10, end: 20 },
    ]);
    expect(plan.take([])).toEqual({ start: 10, end: 20 });
    expect(plan.take([])).toEqual({ start: 0, end: 5 });
    expect(plan.isHandedOut).toBe(true);
    expect(plan.take([])).toBeUndefined();
  });

  test("takes over half of the largest part", () => {
    const [small, large] = [segment(0, 4 * MIB), segment(10 * MIB, 20 * MIB)];
    expect(new SegmentPlan([]).take([small, large])).toEqual({ start: 15 * MIB, end: 20 * MIB });
    expect(large.end).toBe(15 * MIB);
    expect(small.end).toBe(4 * MIB);
  });

  test("takes over half of the slowest part, however large others are", () => {
    const slow = segment(0, 4 * MIB, { speed: 1000 });
    const fast = segment(10 * MIB, 50 * MIB, { speed: 20 * MIB });
    expect(new SegmentPlan([]).take([fast, slow])).toEqual({ start: 2 * MIB, end: 4 * MIB });
  });

  test("is not worth it for less than a mebibyte, unless that is slow", () => {
    const plan = new SegmentPlan([]);
    expect(plan.take([segment(0, 2 * MIB - 1, { speed: MIB })])).toBeUndefined();
    expect(plan.take([segment(0, MIB, { speed: MIB / 10 })])).toEqual({ start: MIB / 2, end: MIB });
    expect(plan.take([segment(0, 100_000, { speed: 1 })])).toBeUndefined();
  });
});

describe("what could not be brought", () => {
  test("goes back to the connection that would have come there", () => {
    const before = segment(0, 8 * MIB);
    const plan = new SegmentPlan([]);
    const taken = plan.take([before]);
    plan.giveBack(taken ?? { start: 0, end: 0 }, [before]);
    expect(before.end).toBe(8 * MIB);
    expect(plan.isHandedOut).toBe(true);
  });

  test("is a gap when that one has asked for less, or is gone", () => {
    const plan = new SegmentPlan([]);
    plan.giveBack({ start: 5, end: 9 }, [segment(0, 5, { askedEnd: 8 })]);
    plan.giveBack({ start: 9, end: 12 }, []);
    expect(plan.take([])).toEqual({ start: 5, end: 12 });
  });

  test("is nothing when nothing is missing", () => {
    const plan = new SegmentPlan([]);
    plan.giveBack({ start: 5, end: 5 }, []);
    expect(plan.isHandedOut).toBe(true);
  });
});
