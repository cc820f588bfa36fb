import { describe, expect, test } from "vitest";

import { newDownload } from "../testing/store-contract.ts";
import { Mirrors, type Mirror } from "./mirrors.ts";

const SOURCES = { url: "http://a/", mirrors: ["http://b/", "http://c/"], headers: { authorization: "x" } };
const VERIFIED = { ...SOURCES, size: 10, checksum: "md5=00" };

const start = (changes = {}, hasEarlier = false): { mirrors: Mirrors; first: Mirror } => {
  const mirrors = new Mirrors(newDownload(changes), hasEarlier);
  const { first } = mirrors;
  if (!first) throw new Error("there is no first one");
  return { mirrors, first };
};

test("mirrors are tried in turn, and only the first is sent the client's headers", () => {
  const { mirrors } = start(SOURCES);
  const seen: Mirror[] = [];
  for (let mirror = mirrors.first; mirror; mirror = mirrors.first) {
    seen.push(mirror);
    mirrors.drop(mirror);
  }
  expect(seen.map(({ url, headers }) => [url, headers])).toEqual([
    ["http://a/", { authorization: "x" }],
    ["http://b/", {}],
    ["http://c/", {}],
  ]);
});

describe("another connection is made", () => {
  test("to the mirror with the fewest, when the whole file can be verified", () => {
    const { mirrors, first } = start(VERIFIED);
    first.connections = 1;
    const second = mirrors.another(first);
    expect(second.url).toBe("http://b/");
    second.connections = 2;
    expect(mirrors.another(first).url).toBe("http://c/");
  });

  test("to the same one, when it cannot", () => {
    const { mirrors, first } = start(SOURCES);
    first.connections = 3;
    expect(mirrors.another(first)).toBe(first);
  });
});

describe("when the bytes were wrong", () => {
  test("the one mirror they are from is not asked again", () => {
    const { mirrors, first } = start(VERIFIED);
    first.hasServed = true;
    expect(mirrors.distrust()).toBe(true);
    expect(mirrors.first?.url).toBe("http://b/");
  });

  test("several are asked one by one", () => {
    const { mirrors, first } = start(VERIFIED);
    const second = (first.connections++, mirrors.another(first));
    first.hasServed = second.hasServed = true;
    expect(mirrors.distrust()).toBe(true);
    expect(mirrors.first).toBe(first);
    expect(mirrors.another(first)).toBe(first);
    first.hasServed = true;
    expect(mirrors.distrust()).toBe(true);
    expect(mirrors.first).toBe(second);
  });

  test("nobody is blamed for bytes that were there before", () => {
    const { mirrors, first } = start(VERIFIED, true);
    first.hasServed = true;
    expect(mirrors.distrust()).toBe(true);
    expect(mirrors.first).toBe(first);
    first.hasServed = true;
    expect(mirrors.distrust()).toBe(true);
    expect(mirrors.first).not.toBe(first);
  });

  test("nothing is left to try when it was the last", () => {
    const { mirrors, first } = start({ checksum: "md5=00" });
    first.hasServed = true;
    expect(mirrors.distrust()).toBe(false);
  });
});
