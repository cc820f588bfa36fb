import { describe, expect, test } from "vitest";

import { NotFoundError, PathInvalidError } from "./errors.ts";
import { VolumePath } from "./path.ts";

const segment255 = "s".repeat(255);
const pathOf4096Bytes = Array<string>(16).fill(segment255).join("/");
const pathOf4097Bytes = [...Array<string>(15).fill(segment255), "s", "s".repeat(254)].join("/");

describe("a plain path is refused", () => {
  test.each([
    ["a dot segment", "a/./b"],
    ["a dot alone", "."],
    ["a dot segment at the end", "a/."],
    ["a dot-dot segment", "a/../b"],
    ["dot-dot alone", ".."],
    ["dot-dot at the start", "/../etc/passwd"],
    ["dot-dot in directory form", "a/../"],
    ["an empty segment", "a//b"],
    ["two slashes at the start", "//a"],
    ["two slashes alone", "//"],
    ["two slashes at the end", "a//"],
    ["NUL", "a\0b"],
    ["a line feed", "a\nb"],
    ["a carriage return", "a\rb"],
    ["a tab", "a\tb"],
    ["the last of the C0 controls", "a\u001fb"],
    ["DEL", "a\u007fb"],
    ["a backslash", String.raw`a\b`],
    ["dot-dot behind a backslash", String.raw`..\etc`],
    ["a segment of 256 bytes", "s".repeat(256)],
    ["a segment of 256 bytes in 86 characters", `${"\u4e2d".repeat(85)}s`],
    ["a path of 4,097 bytes", pathOf4097Bytes],
    ["a high surrogate alone", "a\ud83d"],
    ["a low surrogate alone", "\ude00a"],
  ])("for %s", (_, text) => {
    expect(() => VolumePath.parse(text)).toThrow(PathInvalidError);
  });
});

describe("a URL's path is refused", () => {
  test.each([
    ["an encoded slash", "a%2Fb"],
    ["an encoded slash in lower case", "a%2fb"],
    ["a slash encoded in an overlong form", "a%C0%AFb"],
    ["an encoded dot segment", "a/%2e/b"],
    ["encoded dot-dot", "%2E%2e/etc"],
    ["half-encoded dot-dot", "a/.%2e"],
    ["dot-dot with an encoded slash", "..%2fetc"],
    ["an encoded backslash", "a%5Cb"],
    ["an encoded NUL", "a%00"],
    ["an encoded line feed", "a%0Ab"],
    ["an encoded DEL", "%7F"],
    ["a percent sign at the end", "a%"],
    ["a percent sign and one digit", "a%4"],
    ["a percent sign and no digits", "100%zz"],
    ["a byte that is not UTF-8", "%FF"],
    ["UTF-8 cut short", "%E4%B8"],
    ["an encoded surrogate", "%ED%A0%80"],
    ["an empty segment", "a//b"],
  ])("for %s", (_, encoded) => {
    expect(() => VolumePath.parseEncoded(encoded)).toThrow(PathInvalidError);
  });
});

describe("the reserved directory does not exist for a client", () => {
  test.each([".wharf", "/.wharf", ".wharf/", ".WHARF/staging/x", ".Wharf/partial", "/.wHaRf/publish.lock"])(
    "as %s",
    (text) => {
      expect(() => VolumePath.parse(text)).toThrow(NotFoundError);
      expect(() => VolumePath.parseEncoded(text)).toThrow(NotFoundError);
    },
  );

  test("as an encoded name", () => {
    expect(() => VolumePath.parseEncoded("/%2ewhar%66/x")).toThrow(NotFoundError);
  });

  test("as a child of the root", () => {
    expect(() => VolumePath.root.child(".Wharf")).toThrow(NotFoundError);
  });

  test.each([".wharf2", "wharf", "a/.wharf", "a/.wharf/b"])("but %s may", (text) => {
    expect(VolumePath.parse(text).toString()).toBe(`/${text}`);
  });
});

describe("a path that is accepted", () => {
  test.each([
    ["the empty path", "", [], true],
    ["the root", "/", [], true],
    ["a name", "a", ["a"], false],
    ["a leading slash", "/a/b", ["a", "b"], false],
    ["a trailing slash", "a/b/", ["a", "b"], true],
    ["three dots", "...", ["..."], false],
    ["a hidden file", ".profile", [".profile"], false],
    ["a name that ends in dots", "a..", ["a.."], false],
    ["spaces at both ends", " a ", [" a "], false],
    ["what looks encoded and is not", "a%2Fb", ["a%2Fb"], false],
    ["a segment of 255 bytes", segment255, [segment255], false],
  ])("%s", (_, text, segments, isDirectoryForm) => {
    expect(VolumePath.parse(text)).toMatchObject({ segments, isDirectoryForm });
  });

  test("4,096 bytes, counted with the leading slash and without the trailing one", () => {
    expect(Buffer.byteLength(VolumePath.parse(pathOf4096Bytes).toString())).toBe(4096);
    expect(VolumePath.parse(`${pathOf4096Bytes}/`).isDirectoryForm).toBe(true);
  });
});

describe("decoding", () => {
  test.each([
    ["%2525", "%25"],
    ["%252e%252e", "%2e%2e"],
    ["a%252Fb", "a%2Fb"],
    ["a+b", "a+b"],
    ["a%20b", "a b"],
    ["%E4%B8%AD", "\u4e2d"],
    ["a%3Fb%23c", "a?b#c"],
  ])("happens exactly once: %s is %s", (encoded, name) => {
    expect(VolumePath.parseEncoded(encoded).segments).toEqual([name]);
  });
});

describe("a name comes back unchanged from its URL", () => {
  test.each([
    "a b",
    "100%",
    "%41",
    "#1",
    "what?",
    "a+b",
    "a&b=c",
    `"double" and 'single'`,
    "semi;colon",
    "\u4e2d\u6587\u540d",
    "e\u0301 is not \u00e9",
    "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
    "\u202egpj.exe",
    "[brackets]{braces}<angles>|*:",
  ])("%j", (name) => {
    const path = VolumePath.root.child("folder").child(name);
    expect(VolumePath.parseEncoded(path.toUrl())).toEqual(path);
    expect(VolumePath.parse(path.toString())).toEqual(path);
    expect(path.toUrl()).toMatch(/^[\w\-.!~*'()%/]+$/);
  });

  test("and a directory keeps its trailing slash", () => {
    const path = VolumePath.parse("a b/c/");
    expect(path.toUrl()).toBe("/a%20b/c/");
    expect(VolumePath.parseEncoded(path.toUrl())).toEqual(path);
  });

  test("the two forms of an accented letter are two names", () => {
    expect(VolumePath.parse("e\u0301").segments).not.toEqual(VolumePath.parse("\u00e9").segments);
  });
});

describe("a number is put before the extension of a name that is taken", () => {
  test.each([
    ["a.txt", "a (1).txt"],
    ["a", "a (1)"],
    ["a.tar.gz", "a (1).tar.gz"],
    ["a.b.c", "a.b (1).c"],
    [".profile", ".profile (1)"],
    ["...", ".. (1)."],
    ["a (1).txt", "a (1) (1).txt"],
    ["line \u2028 end.txt", "line \u2028 end (1).txt"],
    ["Mr. Smith goes to Washington", "Mr. Smith goes to Washington (1)"],
  ])("%j", (name, numbered) => {
    expect(VolumePath.parse(`folder/${name}`).numbered(1).toString()).toBe(`/folder/${numbered}`);
  });

  test.each([
    ["no extension", "s".repeat(255)],
    ["an extension", `${"s".repeat(251)}.txt`],
    ["characters of three bytes", `${"\u4e2d".repeat(83)}.txt`],
    ["characters of four bytes", "\u{1f600}".repeat(63)],
    ["a dot at its start", `v1.${"s".repeat(252)}`],
    ["a dot and characters of three bytes", `v1.${"\u4e2d".repeat(84)}`],
  ])("and one of 255 bytes with %s is cut between characters to make room", (_, name) => {
    for (const n of [1, 99, 10_000]) {
      const numbered = VolumePath.parse(name).numbered(n);
      expect(numbered.name).toContain(` (${n})`);
      expect(name.startsWith(numbered.name.slice(0, numbered.name.indexOf(" (")))).toBe(true);
    }
  });
});

describe("from one path to another", () => {
  test.each(["", ".", "..", "a/b", "a/", "/", String.raw`a\b`, "a\0", "s".repeat(256), "\ud83d"])(
    "a child's name is judged: %j",
    (name) => {
      expect(() => VolumePath.parse("folder").child(name)).toThrow(PathInvalidError);
    },
  );

  test("a child or a join may not become longer than a path may be", () => {
    const long = VolumePath.parse(pathOf4096Bytes);
    expect(() => long.child("x")).toThrow(PathInvalidError);
    expect(() => long.join(VolumePath.parse("x"))).toThrow(PathInvalidError);
    expect(() => VolumePath.parse("x").join(long)).toThrow(PathInvalidError);
  });

  test("a join keeps what the relative path meant", () => {
    const folder = VolumePath.parse("a/b/");
    expect(folder.join(VolumePath.parse("c/d")).toString()).toBe("/a/b/c/d");
    expect(folder.join(VolumePath.parse("c/d/")).toString()).toBe("/a/b/c/d/");
    expect(folder.join(VolumePath.root).toString()).toBe("/a/b/");
  });

  test("the parent is a directory, and the root its own", () => {
    expect(VolumePath.parse("a/b").parent.toString()).toBe("/a/");
    expect(VolumePath.parse("a").parent.isRoot).toBe(true);
    expect(VolumePath.root.parent.isRoot).toBe(true);
    expect(VolumePath.root.name).toBe("");
    expect(VolumePath.root.toString()).toBe("/");
  });

  test("a path becomes a directory's", () => {
    expect(VolumePath.parse("a").asDirectory().toString()).toBe("/a/");
    expect(VolumePath.root.asDirectory()).toBe(VolumePath.root);
  });
});
