import { describe, expect, test } from "vitest";

import { parseContentRange } from "./content-range.ts";
import { askFields, judgeAnswer, type Known } from "./resume.ts";

const KNOWN: Known = { start: 500, validator: '"v1"', total: 1000 };
const REST = { etag: '"v1"', "content-range": "bytes 500-999/1000" };
const DATE = "Wed, 21 Oct 2015 07:28:00 GMT";

describe("an answer to a question for the rest", () => {
  test.each([
    ["the rest, as expected", 206, REST, "append"],
    ["a part of the rest", 206, { ...REST, "content-range": "bytes 500-599/1000" }, "append"],
    ["another version", 206, { ...REST, etag: '"v2"' }, "whole"],
    ["a weak tag", 206, { ...REST, etag: 'W/"v1"' }, "whole"],
    ["no tag", 206, { "content-range": REST["content-range"] }, "whole"],
    ["another total", 206, { ...REST, "content-range": "bytes 500-1000/1001" }, "whole"],
    ["no total", 206, { ...REST, "content-range": "bytes 500-999/*" }, "whole"],
    ["another start", 206, { ...REST, "content-range": "bytes 0-999/1000" }, "whole"],
    ["no range", 206, { etag: '"v1"' }, "whole"],
    ["several ranges", 206, { etag: '"v1"', "content-type": "multipart/byteranges; boundary=x" }, "whole"],
    ["nothing at that place", 416, {}, "whole"],
    ["everything, of another version", 200, { etag: '"v2"' }, "replace"],
    ["everything, of no known version", 200, {}, "replace"],
    ["everything, though the version is the same", 200, { etag: '"v1"' }, "rest"],
    ["an error", 500, {}, undefined],
    ["no content", 204, {}, undefined],
  ] as const)("%s", (_what, status, headers, verdict) => {
    expect(judgeAnswer("rest-if-same", KNOWN, { status, headers })).toBe(verdict);
  });

  test("everything again, asked without a condition, is taken", () => {
    expect(judgeAnswer("rest", KNOWN, { status: 200, headers: { etag: '"v1"' } })).toBe("replace");
    expect(judgeAnswer("rest", KNOWN, { status: 206, headers: REST })).toBe("append");
  });

  test("a date stands for a version as well", () => {
    const known = { ...KNOWN, validator: DATE };
    const headers = { "last-modified": DATE, "content-range": REST["content-range"] };
    expect(judgeAnswer("rest-if-same", known, { status: 206, headers })).toBe("append");
    const later = { ...headers, "last-modified": "Wed, 21 Oct 2015 07:28:01 GMT" };
    expect(judgeAnswer("rest-if-same", known, { status: 206, headers: later })).toBe("whole");
    expect(judgeAnswer("rest-if-same", known, { status: 200, headers })).toBe("replace");
  });
});

test("a part is no rest when nobody has ever said how much there is", () => {
  const known = { ...KNOWN, total: null };
  const headers = { etag: '"v1"', "content-range": "bytes 500-599/*" };
  expect(judgeAnswer("rest-if-same", known, { status: 206, headers })).toBe("whole");
  expect(judgeAnswer("rest-if-same", known, { status: 206, headers: REST })).toBe("append");
});

test("a question for everything takes everything, and nothing else", () => {
  expect(judgeAnswer("whole", undefined, { status: 200, headers: {} })).toBe("replace");
  expect(judgeAnswer("whole", KNOWN, { status: 206, headers: REST })).toBeUndefined();
  expect(judgeAnswer("whole", undefined, { status: 206, headers: REST })).toBeUndefined();
});

test("the question is put in header fields", () => {
  expect(askFields("rest-if-same", KNOWN)).toEqual({ range: "bytes=500-", "if-range": '"v1"' });
  expect(askFields("rest", KNOWN)).toEqual({ range: "bytes=500-" });
  expect(askFields("whole", KNOWN)).toEqual({});
});

describe("Content-Range", () => {
  test.each([
    ["bytes 0-99/100", { start: 0, end: 99, total: 100 }],
    ["bytes 5-9/*", { start: 5, end: 9, total: null }],
    ["BYTES 5-9/10", { start: 5, end: 9, total: 10 }],
    ["bytes */100", undefined],
    ["bytes 9-5/100", undefined],
    ["bytes 0-100/100", undefined],
    ["bytes=0-99/100", undefined],
    ["items 0-99/100", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("%j", (field, range) => {
    expect(parseContentRange(field)).toEqual(range);
  });
});
