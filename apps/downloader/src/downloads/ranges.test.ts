import { describe, expect, test } from "vitest";

import { addRange, countBytes, endOf, gapsIn, withoutRange, type ByteRange } from "./ranges.ts";

const ranges = (...pairs: [number, number][]): ByteRange[] => pairs.map(([start, end]) => ({ start, end }));

describe("a range that is added", () => {
  test.each([
    ["to nothing", ranges(), [3, 5], ranges([3, 5])],
    ["between others", ranges([0, 2], [8, 9]), [4, 6], ranges([0, 2], [4, 6], [8, 9])],
    ["behind one that it touches", ranges([0, 2]), [2, 4], ranges([0, 4])],
    ["before one that it touches", ranges([4, 6]), [2, 4], ranges([2, 6])],
    ["where it closes a gap", ranges([0, 2], [4, 6]), [2, 4], ranges([0, 6])],
    ["where it covers others", ranges([1, 2], [4, 6], [9, 10]), [0, 9], ranges([0, 10])],
    ["where it is already", ranges([0, 9]), [3, 5], ranges([0, 9])],
    ["without bytes", ranges([0, 2]), [5, 5], ranges([0, 2])],
  ])("%s", (_where, before, [start = 0, end = 0], after) => {
    expect(addRange(before, { start, end })).toEqual(after);
  });
});

describe("the gaps", () => {
  test.each([
    ["of nothing", ranges(), 5, ranges([0, 5])],
    ["of an empty file", ranges(), 0, ranges()],
    ["of everything", ranges([0, 5]), 5, ranges()],
    ["on all sides", ranges([1, 2], [3, 4]), 5, ranges([0, 1], [2, 3], [4, 5])],
  ])("%s", (_what, known, total, gaps) => {
    expect(gapsIn(known, total)).toEqual(gaps);
  });
});

test("a range that is taken away leaves what is around it", () => {
  expect(withoutRange(ranges([0, 10], [20, 30]), { start: 5, end: 22 })).toEqual(ranges([0, 5], [22, 30]));
  expect(withoutRange(ranges([0, 10]), { start: 3, end: 4 })).toEqual(ranges([0, 3], [4, 10]));
  expect(withoutRange(ranges([0, 10]), { start: 0, end: 10 })).toEqual([]);
});

test("bytes are counted, and the last one known", () => {
  expect(countBytes(ranges([0, 3], [5, 9]))).toBe(7);
  expect(endOf(ranges([0, 3], [5, 9]))).toBe(9);
  expect(endOf([])).toBe(0);
});
