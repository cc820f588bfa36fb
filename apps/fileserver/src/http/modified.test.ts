import { expect, test } from "vitest";

import { requestedModification } from "./modified.ts";

test.each([
  [{}, undefined],
  [{ "x-oc-mtime": "1700000000" }, 1_700_000_000_000],
  [{ "x-oc-mtime": "1700000000.25" }, 1_700_000_000_250],
  [{ "x-oc-mtime": "0" }, 0],
  [{ "x-oc-mtime": "13569465600" }, Date.UTC(2400, 0, 1)],
  [{ "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" }, 0],
  [{ "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT" }, Date.UTC(1994, 10, 6, 8, 49, 37)],
  [{ "x-oc-mtime": "5", "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT" }, 5000],
])("%j asks for %s", (headers: Record<string, string>, expected) => {
  expect(requestedModification(headers)).toBe(expected);
});

test.each([
  { "x-oc-mtime": "" },
  { "x-oc-mtime": "yesterday" },
  { "x-oc-mtime": "-1" },
  { "x-oc-mtime": "1e9" },
  { "x-oc-mtime": "1700000000." },
  { "x-oc-mtime": "999999999999" },
  { "last-modified": "yesterday" },
  { "last-modified": "" },
  { "last-modified": "1700000000" },
  // Times that some file systems do not keep, or keep as another.
  { "last-modified": "Wed, 31 Dec 1969 23:59:59 GMT" },
  { "last-modified": "Sat, 01 Jan 2400 00:00:01 GMT" },
  { "last-modified": "Fri, 31 Dec 9999 23:59:59 GMT" },
  { "x-oc-mtime": "13569465601" },
  { "x-oc-mtime": "99999999999" },
])("%j is refused", (headers: Record<string, string>) => {
  expect(() => requestedModification(headers)).toThrow(
    expect.objectContaining({ status: 400, code: "INVALID_REQUEST" }) as Error,
  );
});
