import { describe, expect, test } from "vitest";

import { parseRange } from "./range.ts";

const SIZE = 1000;

describe("one range of a file of 1,000 bytes", () => {
  test.each([
    ["bytes=0-0", 0, 1],
    ["bytes=0-499", 0, 500],
    ["bytes=500-999", 500, 1000],
    ["bytes=999-999", 999, 1000],
    ["bytes=500-", 500, 1000],
    ["bytes=0-", 0, 1000],
    ["bytes=-1", 999, 1000],
    ["bytes=-1000", 0, 1000],
    ["bytes=-5000", 0, 1000],
    ["bytes=0-1000", 0, 1000],
    ["bytes=990-99999999999999999999", 990, 1000],
    ["Bytes=0-1", 0, 2],
    ["bytes= 0-1 ", 0, 2],
    ["bytes=007-008", 7, 9],
  ])("%s", (header, start, end) => {
    expect(parseRange(header, SIZE)).toEqual({ start, end });
  });

  test.each(["bytes=1000-", "bytes=1000-1000", "bytes=99999999999999999999-", "bytes=-0"])(
    "%s cannot be satisfied",
    (header) => {
      expect(parseRange(header, SIZE)).toBe("unsatisfiable");
    },
  );

  test.each([
    undefined,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-4",
    "bytes=1000-999",
    "bytes=0x1-2",
    "bytes=1.5-2",
    "bytes=--1",
    "bytes=1--2",
    "bytes=0-1;2-3",
    "items=0-1",
    "bytes 0-1",
  ])("%s is ignored", (header) => {
    expect(parseRange(header, SIZE)).toBeUndefined();
  });
});

test.each(["bytes=0-", "bytes=0-0", "bytes=-1"])(
  "no range of an empty file can be satisfied: %s",
  (header) => {
    expect(parseRange(header, 0)).toBe("unsatisfiable");
  },
);
