import { describe, expect, test, vi } from "vitest";

import {
  hasWriteConditions,
  judgeConditions,
  parseDate,
  rangeApplies,
  requireReadableConditions,
  type Verdict,
} from "./preconditions.ts";

const MODIFIED = "Mon, 23 Nov 2026 01:02:03 GMT";
const EARLIER = "Mon, 23 Nov 2026 01:02:02 GMT";
const LATER = "Mon, 23 Nov 2026 01:02:04 GMT";
/** The fraction is what no HTTP date can carry. */
const current = { etag: '"now"', modifiedMs: Date.parse(MODIFIED) + 500 };

type Headers = Record<string, string>;

describe("a condition on what is there", () => {
  // What a GET is answered, and what becomes of a PUT.
  const table: [Headers, Verdict, Verdict][] = [
    [{}, "proceed", "proceed"],
    [{ "if-match": '"now"' }, "proceed", "proceed"],
    [{ "if-match": '"old"' }, "failed", "failed"],
    [{ "if-match": '"old", "now"' }, "proceed", "proceed"],
    [{ "if-match": "*" }, "proceed", "proceed"],
    [{ "if-match": " * " }, "proceed", "proceed"],
    [{ "if-match": 'W/"now"' }, "failed", "failed"],
    [{ "if-match": "now" }, "failed", "failed"],
    [{ "if-none-match": '"now"' }, "not-modified", "failed"],
    [{ "if-none-match": 'W/"now"' }, "not-modified", "failed"],
    [{ "if-none-match": '"old"' }, "proceed", "proceed"],
    [{ "if-none-match": '"old" , W/"now"' }, "not-modified", "failed"],
    [{ "if-none-match": "*" }, "not-modified", "failed"],
    [{ "if-none-match": '"a,b", "now"' }, "not-modified", "failed"],
    [{ "if-none-match": ', "old",, "now" ,' }, "not-modified", "failed"],
    [{ "if-none-match": "*, *" }, "not-modified", "failed"],
    // A write never comes here with one that cannot be read.
    [{ "if-none-match": '*, "old"' }, "proceed", "proceed"],
    [{ "if-none-match": "now" }, "proceed", "proceed"],
    [{ "if-none-match": "now", "if-modified-since": MODIFIED }, "not-modified", "proceed"],
    [{ "if-modified-since": MODIFIED }, "not-modified", "proceed"],
    [{ "if-modified-since": LATER }, "not-modified", "proceed"],
    [{ "if-modified-since": EARLIER }, "proceed", "proceed"],
    [{ "if-modified-since": "yesterday" }, "proceed", "proceed"],
    [{ "if-unmodified-since": MODIFIED }, "proceed", "proceed"],
    [{ "if-unmodified-since": LATER }, "proceed", "proceed"],
    [{ "if-unmodified-since": EARLIER }, "failed", "failed"],
    [{ "if-unmodified-since": "1" }, "proceed", "proceed"],
    // RFC 9110 §13.2.2: a tag is judged and the date then is not.
    [{ "if-none-match": '"old"', "if-modified-since": MODIFIED }, "proceed", "proceed"],
    [{ "if-none-match": '"now"', "if-modified-since": EARLIER }, "not-modified", "failed"],
    [{ "if-match": '"now"', "if-unmodified-since": EARLIER }, "proceed", "proceed"],
    [{ "if-match": '"old"', "if-unmodified-since": LATER }, "failed", "failed"],
    // And the first pair before the second.
    [{ "if-match": '"old"', "if-none-match": '"now"' }, "failed", "failed"],
    [{ "if-match": '"now"', "if-none-match": '"now"' }, "not-modified", "failed"],
    [{ "if-unmodified-since": EARLIER, "if-none-match": '"now"' }, "failed", "failed"],
    [{ "if-unmodified-since": LATER, "if-modified-since": LATER }, "not-modified", "proceed"],
  ];
  test.each(table)("%j", (headers, read, write) => {
    expect(judgeConditions("GET", headers, current)).toBe(read);
    expect(judgeConditions("HEAD", headers, current)).toBe(read);
    expect(judgeConditions("PUT", headers, current)).toBe(write);
    expect(judgeConditions("DELETE", headers, current)).toBe(write);
  });
});

test.each<[Headers, Verdict]>([
  [{}, "proceed"],
  [{ "if-match": "*" }, "failed"],
  [{ "if-match": '"now"' }, "failed"],
  [{ "if-none-match": "*" }, "proceed"],
  [{ "if-none-match": '"now"' }, "proceed"],
  [{ "if-unmodified-since": EARLIER }, "proceed"],
])("a condition where nothing is: %j", (headers, verdict) => {
  expect(judgeConditions("PUT", headers, undefined)).toBe(verdict);
});

test("a directory, which has no tag, matches any but none in particular", () => {
  const directory = { etag: null, modifiedMs: 0 };
  expect(judgeConditions("DELETE", { "if-match": "*" }, directory)).toBe("proceed");
  expect(judgeConditions("DELETE", { "if-match": '"now"' }, directory)).toBe("failed");
  expect(judgeConditions("DELETE", { "if-match": "null" }, directory)).toBe("failed");
});

test.each([
  [{}, false],
  [{ "if-match": "*" }, true],
  [{ "if-none-match": "*" }, true],
  [{ "if-unmodified-since": EARLIER }, true],
  [{ "if-modified-since": EARLIER }, false],
  [{ "if-range": '"now"' }, false],
])("a write is judged at publication when its headers have a condition: %j", (headers: Headers, expected) => {
  expect(hasWriteConditions(headers)).toBe(expected);
});

describe("a write's condition", () => {
  test.each([
    "*",
    " * ",
    "*, *",
    "*,*",
    '"a"',
    'W/"a"',
    '"a", W/"b"',
    '"a","b,c"',
    ', "a",,"b" ,',
    '""',
    '"\xe9"',
  ])("can be read: %s", (value) => {
    expect(() => requireReadableConditions({ "if-none-match": value, "if-match": value })).not.toThrow();
  });

  test.each([
    "xyz",
    "",
    ",",
    '*, "a"',
    '"a", *',
    "**",
    "* *",
    '"a" "b"',
    '"a',
    'a"',
    'w/"a"',
    'W/ "a"',
    '"a b"',
    "'a'",
  ])("is refused when it cannot be: %s", (value) => {
    for (const name of ["If-Match", "If-None-Match"]) {
      expect(() => requireReadableConditions({ [name.toLowerCase()]: value })).toThrow(
        expect.objectContaining({
          status: 400,
          code: "INVALID_REQUEST",
          message: expect.stringMatching(`^${name} `) as string,
        }) as Error,
      );
    }
  });

  test("that is a date which is none is ignored (RFC 9110 §13.1.4)", () => {
    expect(() => requireReadableConditions({ "if-unmodified-since": "yesterday" })).not.toThrow();
  });
});

describe("a range counts", () => {
  const longAfter = current.modifiedMs + 60_000;
  test.each([
    [undefined, true],
    ['"now"', true],
    [' "now" ', true],
    ['"old"', false],
    ['W/"now"', false],
    ["now", false],
    [MODIFIED, true],
    [EARLIER, false],
    [LATER, false],
    ["yesterday", false],
    ["", false],
  ])("with If-Range %s: %s", (ifRange, expected) => {
    expect(rangeApplies(ifRange, current, longAfter)).toBe(expected);
  });

  test("with a date only when the file can no longer change within its second", () => {
    expect(rangeApplies(MODIFIED, current, current.modifiedMs + 200)).toBe(false);
    expect(rangeApplies(MODIFIED, current, current.modifiedMs + 1_001)).toBe(true);
  });
});

describe("a date", () => {
  test.each([
    ["as it is sent", "Sun, 06 Nov 1994 08:49:37 GMT"],
    ["of RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT"],
    ["of C's asctime(), which is GMT as well", "Sun Nov  6 08:49:37 1994"],
  ])("%s is read (RFC 9110 §5.6.7)", (_what, date) => {
    vi.stubEnv("TZ", "Asia/Tokyo");
    expect(new Date(0).getHours()).toBe(9);
    expect(parseDate(date)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37));
    vi.unstubAllEnvs();
  });

  test.each([
    undefined,
    "",
    "1",
    "0",
    "-1",
    "2026",
    "2026-11-23",
    "now",
    "Sun, 06 Nov 1994",
    "1994-11-06T08:49:37Z",
  ])("%s is none", (date) => {
    expect(parseDate(date)).toBeUndefined();
  });
});
