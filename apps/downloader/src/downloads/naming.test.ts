import { VolumePath } from "@wharf/volume";
import { describe, expect, test } from "vitest";

import { chooseName, safeName } from "./naming.ts";

const RULES: readonly (readonly [given: string, safe: string])[] = [
  ["report.pdf", "report.pdf"],
  ["  a b .txt ", "a b .txt"],
  ["../../etc/passwd", "passwd"],
  ["..\\..\\windows\\system.ini", "system.ini"],
  ["/absolute", "absolute"],
  ["folder/", "folder"],
  [".bashrc", "bashrc"],
  ["...", ""],
  [". . a", "a"],
  ["..", ""],
  ["", ""],
  ["/", ""],
  [".wharf", "wharf"],
  ["a\u0000b\u001f\u007f\u0085c", "abc"],
  ["a\r\nb", "ab"],
  ["photo\u202egpj.exe", "photogpj.exe"],
  ["a:b*c?<d>|e", "a:b*c?<d>|e"],
  ["CON", "CON"],
  ["\ud800x", "\ufffdx"],
  ["日本語.txt", "日本語.txt"],
];

describe("a name is made safe", () => {
  test.each(RULES)("%j becomes %j", (given, safe) => {
    expect(safeName(given)).toBe(safe);
  });

  test.each([
    ["a long one keeps its extension", `${"x".repeat(300)}.mp4`, ".mp4"],
    ["a long one keeps both of its extensions", `${"x".repeat(300)}.tar.gz`, ".tar.gz"],
    ["it is not cut through a character", `${"é".repeat(300)}.txt`, "é.txt"],
    ["nor through one of four bytes", `a${"😀".repeat(100)}.txt`, "😀.txt"],
  ])("%s", (_rule, given, end) => {
    const name = safeName(given);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(Buffer.byteLength(name)).toBeGreaterThan(250);
    expect(name.endsWith(end)).toBe(true);
    expect(name).not.toContain("\ufffd");
  });

  test("what looks like an endless extension is cut", () => {
    expect(Buffer.byteLength(safeName(`a.${"x".repeat(400)}`))).toBe(255);
  });

  test("whatever comes out is a path of the volume, also numbered", () => {
    const given = [...RULES.map(([name]) => name), "é".repeat(400), `${"x".repeat(400)}.tar.gz`];
    for (const name of given.map(safeName).filter((each) => each !== "")) {
      expect(VolumePath.root.child(name).numbered(12).name).toContain(" (12)");
    }
  });
});

describe("a name is chosen", () => {
  const url = new URL("https://example.com/files/from%20url.bin?name=query.bin#fragment.bin");

  test.each([
    [
      "the client's",
      { filename: "mine.bin", contentDisposition: "attachment; filename=theirs.bin" },
      "mine.bin",
    ],
    ["the response's", { contentDisposition: 'attachment; filename="theirs.bin"' }, "theirs.bin"],
    [
      "filename* before filename",
      { contentDisposition: "attachment; filename=plain.txt; filename*=UTF-8''na%C3%AFve.txt" },
      "naïve.txt",
    ],
    ["without its path", { contentDisposition: 'attachment; filename="../../etc/passwd"' }, "passwd"],
    ["bytes that are UTF-8", { contentDisposition: 'attachment; filename="naÃ¯ve.txt"' }, "naïve.txt"],
    ["bytes that are Latin-1", { contentDisposition: 'attachment; filename="na\u00efve.txt"' }, "naïve.txt"],
    ["the URL's, where the response has none", { contentDisposition: "inline" }, "from url.bin"],
    [
      "the URL's, where the response's is empty",
      { contentDisposition: 'attachment; filename="..."' },
      "from url.bin",
    ],
    ["the URL's", {}, "from url.bin"],
  ])("%s", (_source, sources, name) => {
    expect(chooseName({ url, ...sources })).toBe(name);
  });

  test.each([
    ["https://example.com/", "download"],
    ["https://example.com", "download"],
    ["https://example.com/a/b/", "b"],
    ["https://example.com/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "passwd"],
    ["https://example.com/%ff%fe", "%ff%fe"],
    ["https://example.com/...", "download"],
    ["https://example.com/a%00b", "ab"],
  ])("%s is called %s", (text, name) => {
    expect(chooseName({ url: new URL(text) })).toBe(name);
  });
});
