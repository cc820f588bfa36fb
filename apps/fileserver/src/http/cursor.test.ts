import { describe, expect, test } from "vitest";

import { readCursor, writeCursor } from "./cursor.ts";

describe("a cursor", () => {
  test.each([
    ["name", { key: "a b.txt", name: "a b.txt" }],
    ["name", { key: '日本語 & "quotes"', name: '日本語 & "quotes"' }],
    ["size", { key: 2 ** 52, name: "big" }],
    ["size", { key: -1, name: "folder" }],
    ["modified", { key: 1_700_000_000_123, name: "x" }],
  ] as const)("leads back to its place in the order by %s: %j", (sort, position) => {
    expect(readCursor(writeCursor(position), sort)).toEqual(position);
  });

  test.each(["name", "size"] as const)("can stand in a URL as it is", (sort) => {
    const cursor = writeCursor({ key: sort === "name" ? "~?/+ÿ".repeat(20) : 1, name: "~?/+ÿ".repeat(20) });
    expect(encodeURIComponent(cursor)).toBe(cursor);
  });

  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  test.each([
    ["nothing", ""],
    ["no base64", "%%%"],
    ["no JSON", Buffer.from("hello").toString("base64url")],
    ["null", encode(null)],
    ["no list", encode({ key: "a", name: "a" })],
    ["an empty list", encode([])],
    ["half a place", encode(["a"])],
    ["another kind of key", encode([true, "a"])],
    ["a name that is none", encode(["a", 1])],
  ])("is refused when no listing gave it out: %s", (_what, cursor) => {
    expect(() => readCursor(cursor, "name")).toThrow(
      expect.objectContaining({ status: 400, code: "INVALID_REQUEST" }) as Error,
    );
  });

  test.each([
    ["size", { key: "a", name: "a" }],
    ["modified", { key: "a", name: "a" }],
    ["name", { key: 5, name: "a" }],
  ] as const)("is refused in another order than it came from: by %s", (sort, position) => {
    expect(() => readCursor(writeCursor(position), sort)).toThrow(
      expect.objectContaining({ status: 400, code: "INVALID_REQUEST" }) as Error,
    );
  });
});
