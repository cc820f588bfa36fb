import { describe, expect, test } from "vitest";

import { SegmentPlan, type Segment } from "./segments.ts";

const MIB = 1 << 20;

function segment(position: number, end: number, speed = 0): Segment & { position: number; end: number } {
  return {
    position,
    end,
    speed,
    shorten(to: number) {
      this.end = to;
    },
  };
}

describe("another connection is to bring", () => {
  test("the largest gap first", () => {
    const plan = new SegmentPlan([
      { start: 0, end: 5 },
      { start: 10, end: 20 },
    ]);
    expect(plan.offer([])).toEqual({ start: 10, end: 20 });
    expect(plan.offer([])).toEqual({ start: 0, end: 5 });
    expect(plan.offer([])).toBeUndefined();
  });

  test("half of the largest part, when speeds are not known", () => {
    const [small, large] = [segment(0, 4 * MIB), segment(10 * MIB, 20 * MIB)];
    expect(new SegmentPlan([]).offer([small, large])).toEqual({ start: 15 * MIB, end: 20 * MIB });
  });

  test("half of the slowest part, however large others are", () => {
    const slow = segment(0, 4 * MIB, 1000);
    const fast = segment(10 * MIB, 50 * MIB, 20 * MIB);
    expect(new SegmentPlan([]).offer([fast, slow])).toEqual({ start: 2 * MIB, end: 4 * MIB });
  });

  test("of one part another piece each time", () => {
    const plan = new SegmentPlan([]);
    const whole = segment(0, 8 * MIB);
    expect(plan.offer([whole])).toEqual({ start: 4 * MIB, end: 8 * MIB });
    expect(plan.offer([whole])).toEqual({ start: 2 * MIB, end: 4 * MIB });
    expect(plan.offer([whole])).toEqual({ start: MIB, end: 2 * MIB });
  });

  test("nothing of less than two mebibytes, unless that is slow", () => {
    const plan = new SegmentPlan([]);
    expect(plan.offer([segment(0, 2 * MIB - 1, MIB)])).toBeUndefined();
    expect(plan.offer([segment(0, MIB, MIB / 10)])).toEqual({ start: MIB / 2, end: MIB });
    expect(plan.offer([segment(0, 100_000, 1)])).toBeUndefined();
  });
});

describe("a part's half", () => {
  const start = () => {
    const plan = new SegmentPlan([]);
    const whole = segment(0, 8 * MIB);
    const share = plan.offer([whole]);
    if (!share) throw new Error("nothing was offered");
    return { plan, whole, share };
  };

  test("is left to others once the source brings it", () => {
    const { plan, whole, share } = start();
    expect(whole.end).toBe(8 * MIB);
    expect(plan.accept(share, [whole])).toBe(true);
    expect(whole.end).toBe(4 * MIB);
  });

  test("stays where it is when the source refuses, and is offered again", () => {
    const { plan, whole, share } = start();
    plan.refuse(share);
    expect(whole.end).toBe(8 * MIB);
    expect(plan.offer([whole])).toEqual(share);
  });

  test("is not brought twice: who has it may have got there already", () => {
    const { plan, whole, share } = start();
    whole.position = 5 * MIB;
    expect(plan.accept(share, [whole])).toBe(false);
    expect(whole.end).toBe(8 * MIB);
  });

  test("is taken from what its connection left undone, when that has ended", () => {
    const { plan, share } = start();
    plan.giveBack({ start: MIB, end: 8 * MIB });
    expect(plan.accept(share, [])).toBe(true);
    expect(plan.offer([])).toEqual({ start: MIB, end: 4 * MIB });
  });

  test("is not brought twice either when another connection has taken that over", () => {
    const { plan, share } = start();
    plan.giveBack({ start: MIB, end: 8 * MIB });
    plan.offer([]);
    expect(plan.accept(share, [])).toBe(false);
  });

  test("and a half of what is left may be accepted in either order", () => {
    for (const isInOrder of [true, false]) {
      const { plan, whole, share } = start();
      const second = plan.offer([whole]);
      if (!second) throw new Error("nothing was offered");
      for (const each of isInOrder ? [share, second] : [second, share]) {
        expect(plan.accept(each, [whole])).toBe(true);
      }
      expect(whole.end).toBe(2 * MIB);
      expect(plan.offer([])).toBeUndefined();
    }
  });

  test("is a gap when it is refused after a half of what is left was accepted", () => {
    const { plan, whole, share } = start();
    const second = plan.offer([whole]);
    if (!second) throw new Error("nothing was offered");
    plan.accept(second, [whole]);
    plan.refuse(share);
    expect(plan.offer([])).toEqual(share);
  });

  test("is a gap when it was refused before a half of what is left is accepted", () => {
    const { plan, whole, share } = start();
    const second = plan.offer([whole]);
    if (!second) throw new Error("nothing was offered");
    plan.refuse(share);
    plan.accept(second, [whole]);
    expect(plan.offer([])).toEqual(share);
  });
});

test("a gap that the source refuses is a gap again", () => {
  const plan = new SegmentPlan([{ start: 3, end: 9 }]);
  const share = plan.offer([]);
  if (!share) throw new Error("nothing was offered");
  plan.refuse(share);
  expect(plan.offer([])).toEqual({ start: 3, end: 9 });
});
