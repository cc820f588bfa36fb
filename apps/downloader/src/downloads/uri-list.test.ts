import { expect, test } from "vitest";

import { parseUriList } from "./uri-list.ts";

test.each([
  ["nothing", "", []],
  ["comments and blank lines", "# one\r\n\r\n  \r\n#two", []],
  ["CRLF, as the standard has it", "http://a/\r\nhttp://b/\r\n", ["1 http://a/", "2 http://b/"]],
  ["LF, as editors have it, and no end", "http://a/\nhttp://b/", ["1 http://a/", "2 http://b/"]],
  ["a CR alone", "http://a/\rhttp://b/", ["1 http://a/", "2 http://b/"]],
  ["lines are counted with what is left out", "# c\n\nhttp://a/#f \n", ["3 http://a/#f"]],
  ["what is no URI is somebody else's to judge", "urn:x\nnot one\n", ["1 urn:x", "2 not one"]],
])("%s", (_what, text, expected) => {
  expect(parseUriList(text).map(({ line, uri }) => `${line} ${uri}`)).toEqual(expected);
});
