import { describe, expect, test } from "vitest";

import { fingerprintOf, parseIdempotencyKey } from "./idempotency.ts";

describe("an Idempotency-Key", () => {
  test.each([
    ["a UUID", "8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ["the same in quotes", '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ["escapes in quotes", String.raw`"a\"b\\c"`, String.raw`a"b\c`],
    ["blanks in quotes", '" a b "', " a b "],
    ["255 characters", "k".repeat(255), "k".repeat(255)],
    ["255 characters in quotes", `"${"k".repeat(255)}"`, "k".repeat(255)],
  ])("may be %s", (_what, field, key) => {
    expect(parseIdempotencyKey(field)).toBe(key);
  });

  test.each([
    ["nothing", ""],
    ["nothing in quotes", '""'],
    ["256 characters", "k".repeat(256)],
    ["a blank", "a b"],
    ["a tab in quotes", '"a\tb"'],
    ["an open quote", '"a'],
    ["a quote inside", 'a"b'],
    ["parameters", '"a";b=1'],
    ["two keys", '"a", "b"'],
    ["an unknown escape", String.raw`"a\b"`],
    ["other letters", "schl\u00fcssel"],
  ])("may not be %s", (_what, field) => {
    expect(() => parseIdempotencyKey(field)).toThrow(
      expect.objectContaining({ code: "IDEMPOTENCY_KEY_INVALID" }),
    );
  });
});

describe("a fingerprint", () => {
  test("is of the data, whatever its order", () => {
    const one = fingerprintOf([{ url: "a", headers: { x: "1", y: "2" } }]);
    expect(one).toMatch(/^[\da-f]{64}$/);
    expect(fingerprintOf([{ headers: { y: "2", x: "1" }, url: "a" }])).toBe(one);
  });

  test.each([
    ["another value", [{ url: "b" }]],
    ["another type", [{ url: 1 }]],
    ["one instead of several", { url: "a" }],
    ["one more", [{ url: "a" }, { url: "a" }]],
    ["another property", [{ url: "a", priority: 0 }]],
  ])("tells %s", (_what, submitted) => {
    expect(fingerprintOf(submitted)).not.toBe(fingerprintOf([{ url: "a" }]));
  });

  test("tells the order of elements", () => {
    expect(fingerprintOf(["a", "b"])).not.toBe(fingerprintOf(["b", "a"]));
  });
});
