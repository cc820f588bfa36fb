import { describe, expect, test } from "vitest";

import { contentDisposition, fileHeaders } from "./file-headers.ts";

function headersOf(name: string, isDownload = false): Record<string, string> {
  return fileHeaders({ name, etag: '"x"', modifiedMs: Date.UTC(2026, 10, 23, 1, 2, 3, 999) }, { isDownload });
}

test("a file has every header that a client may rely on", () => {
  expect(headersOf("a.txt")).toEqual({
    "content-type": "text/plain; charset=utf-8",
    "content-disposition": `inline; filename="a.txt"; filename*=UTF-8''a.txt`,
    etag: '"x"',
    "last-modified": "Mon, 23 Nov 2026 01:02:03 GMT",
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox",
  });
});

describe("a file's type is told by its name", () => {
  test.each([
    ["a.txt", "text/plain; charset=utf-8"],
    ["A.TXT", "text/plain; charset=utf-8"],
    ["a.html", "text/html; charset=utf-8"],
    ["a.css", "text/css; charset=utf-8"],
    ["a.js", "text/javascript; charset=utf-8"],
    ["a.csv", "text/csv; charset=utf-8"],
    ["a.json", "application/json"],
    ["a.svg", "image/svg+xml"],
    ["a.png", "image/png"],
    ["a.mp4", "video/mp4"],
    ["a.mp3", "audio/mpeg"],
    ["a.pdf", "application/pdf"],
    ["a.tar.gz", "application/gzip"],
    ["a.unknown-extension", "application/octet-stream"],
    ["README", "application/octet-stream"],
    ["html", "application/octet-stream"],
    ["png", "application/octet-stream"],
    [".txt", "application/octet-stream"],
    ["a.", "application/octet-stream"],
    ["日本.txt", "text/plain; charset=utf-8"],
  ])("%s is %s", (name, type) => {
    expect(headersOf(name)["content-type"]).toBe(type);
  });
});

describe("a file is shown in the browser's window only when nothing in it can run", () => {
  test.each(["a.png", "a.jpg", "a.gif", "a.webp", "a.avif", "a.mp4", "a.mp3", "a.pdf", "a.txt"])(
    "%s is",
    (name) => {
      expect(headersOf(name)["content-disposition"]).toMatch(/^inline; /);
    },
  );
  test.each([
    "a.html",
    "a.htm",
    "a.xhtml",
    "a.svg",
    "a.svgz",
    "a.xml",
    "a.js",
    "a.mjs",
    "a.css",
    "a.json",
    "a.zip",
    "a",
  ])("%s is not", (name) => {
    expect(headersOf(name)["content-disposition"]).toMatch(/^attachment; /);
  });
  test.each(["a.png", "a.html"])("%s is not when it is asked for as a download", (name) => {
    expect(headersOf(name, true)["content-disposition"]).toMatch(/^attachment; /);
  });
});

describe("a name is given in both forms (RFC 6266 §4.3), the ASCII one first", () => {
  test.each([
    ["a b.txt", `filename="a b.txt"; filename*=UTF-8''a%20b.txt`],
    ["naïve café.txt", `filename="naive cafe.txt"; filename*=UTF-8''na%C3%AFve%20caf%C3%A9.txt`],
    ["日本.txt", `filename="__.txt"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt`],
    ["😀.txt", `filename="_.txt"; filename*=UTF-8''%F0%9F%98%80.txt`],
    ['say "hi".txt', String.raw`filename="say \"hi\".txt"; filename*=UTF-8''say%20%22hi%22.txt`],
    ["it's (1)*.txt", `filename="it's (1)*.txt"; filename*=UTF-8''it%27s%20%281%29%2A.txt`],
    ["100%.txt", `filename="100%.txt"; filename*=UTF-8''100%25.txt`],
    ["a;b=c,d.txt", `filename="a;b=c,d.txt"; filename*=UTF-8''a%3Bb%3Dc%2Cd.txt`],
    [
      "ｆｕｌｌ＂width",
      String.raw`filename="full\"width"; filename*=UTF-8''%EF%BD%86%EF%BD%95%EF%BD%8C%EF%BD%8C%EF%BC%82width`,
    ],
  ])("%s", (name, expected) => {
    expect(contentDisposition("inline", name)).toBe(`inline; ${expected}`);
  });

  test("and never with a byte that a header may not have", () => {
    const name = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code + 0x20))
      .join("")
      .replaceAll("\u007f", "");
    expect(contentDisposition("attachment", name)).toMatch(/^[\x20-\x7e]+$/);
  });
});
