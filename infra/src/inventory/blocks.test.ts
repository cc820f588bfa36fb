import { expect, test } from "vitest";

import { aligned, overlap, parseBlock } from "./blocks.ts";

const block = (text: string) => parseBlock(text) ?? expect.fail(`${text} is no block`);

test.each(["10.0.0.0", "10.0.0/8", "10.0.0.0/33", "10.0.0.256/8", "::/0", "10.0.0.0/8/8"])(
  "%s is no block",
  (text) => {
    expect(parseBlock(text)).toBeUndefined();
  },
);

test.each([
  ["10.244.7.9/16", "10.244.0.0/16"],
  ["10.97.0.0/12", "10.96.0.0/12"],
  ["255.255.255.255/1", "128.0.0.0/1"],
  ["192.0.2.1/32", "192.0.2.1/32"],
  ["1.2.3.4/0", "0.0.0.0/0"],
])("%s begins as %s", (text, first) => {
  expect(aligned(block(text))).toBe(first);
});

test.each([
  ["10.0.0.0/8", "10.96.0.0/12", true],
  ["10.96.0.0/12", "10.0.0.0/8", true],
  ["10.96.0.0/12", "10.112.0.0/12", false],
  ["10.244.0.0/16", "10.244.0.0/16", true],
])("%s and %s overlap: %s", (one, other, expected) => {
  expect(overlap(block(one), block(other))).toBe(expected);
});
