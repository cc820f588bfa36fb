import { expect, test } from "vitest";

import { WriteSizes } from "./write-sizes.ts";

const MEBIBYTE = 1 << 20;

function sizesOf(streams: number): WriteSizes {
  const sizes = new WriteSizes();
  for (let n = 0; n < streams; n++) sizes.add();
  return sizes;
}

test.each([
  [0, MEBIBYTE],
  [1, MEBIBYTE],
  [3, MEBIBYTE],
  [256, 16 << 10],
])("%i streams write %i bytes at once", (streams, bytes) => {
  expect(sizesOf(streams).batchBytes).toBe(bytes);
});

test("many streams, each with three batches and two reads waiting, hold no more than 12 MiB", () => {
  for (let streams = 4; streams <= 64; streams++) {
    const held = streams * (3 * sizesOf(streams).batchBytes + (128 << 10));
    expect(held).toBeLessThanOrEqual(12 * MEBIBYTE);
  }
});

test("what a stream that has ended held is the others'", () => {
  const sizes = sizesOf(17);
  for (let n = 0; n < 16; n++) sizes.remove();
  expect(sizes.batchBytes).toBe(MEBIBYTE);
});
