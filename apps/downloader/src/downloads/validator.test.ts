import { describe, expect, test } from "vitest";

import { modifiedMs, strongValidator } from "./validator.ts";

const MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT";
const SOON_AFTER = "Wed, 21 Oct 2015 07:28:59 GMT";
const LATER = "Wed, 21 Oct 2015 07:29:00 GMT";

describe("the strong validator", () => {
  test.each([
    ["a strong tag", { etag: '"a"' }, '"a"'],
    ["the tag before the date", { etag: '"a"', "last-modified": MODIFIED, date: LATER }, '"a"'],
    ["no weak tag, nor the date beside it", { etag: 'W/"a"', "last-modified": MODIFIED, date: LATER }, null],
    ["nothing that is no tag", { etag: "a" }, null],
    ["an old date", { "last-modified": MODIFIED, date: LATER }, MODIFIED],
    ["no fresh date", { "last-modified": MODIFIED, date: SOON_AFTER }, null],
    ["no date beside none", { "last-modified": MODIFIED }, null],
    ["nothing", {}, null],
  ])("is %s", (_what, headers, validator) => {
    expect(strongValidator(headers)).toBe(validator);
  });
});

test("the modification time is read when it is one", () => {
  expect(modifiedMs({ "last-modified": MODIFIED })).toBe(Date.parse(MODIFIED));
  expect(modifiedMs({ "last-modified": "yesterday" })).toBeNull();
  expect(modifiedMs({ "last-modified": "Wed, 31 Dec 1969 23:59:59 GMT" })).toBeNull();
  expect(modifiedMs({})).toBeNull();
});
