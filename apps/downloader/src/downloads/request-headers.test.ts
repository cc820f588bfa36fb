import { expect, test } from "vitest";

import { HeaderForbiddenError } from "./errors.ts";
import { judgeHeaders, redact } from "./request-headers.ts";

test("names are lower-cased, values kept", () => {
  const headers = { Authorization: "Bearer x", "X-Api-Key": "k", Cookie: "a=b; c=d", "User-Agent": "me" };
  expect(judgeHeaders(headers)).toEqual({
    authorization: "Bearer x",
    "x-api-key": "k",
    cookie: "a=b; c=d",
    "user-agent": "me",
  });
});

test.each([
  "Host",
  "Range",
  "If-Range",
  "If-None-Match",
  "Accept-Encoding",
  "Content-Length",
  "Connection",
  "Transfer-Encoding",
  "TE",
  "Upgrade",
  "Expect",
  "Proxy-Authorization",
  "proxy-anything",
])("%s is the transfer's own", (name) => {
  expect(() => judgeHeaders({ [name]: "x" })).toThrow(HeaderForbiddenError);
});

test.each([
  ["a name that is no token", { "a b": "x" }],
  ["an empty name", { "": "x" }],
  ["a second line", { "x-a": "secret\r\nhost: evil" }],
  ["a character beyond a byte", { "x-a": "secret→" }],
])("%s is refused, and the value not repeated", (_what, headers) => {
  expect(() => judgeHeaders(headers)).toThrow(HeaderForbiddenError);
  expect(() => judgeHeaders(headers)).not.toThrow(/secret|evil/);
});

test("values are never shown", () => {
  expect(JSON.stringify(redact({ authorization: "Bearer secret" }))).not.toContain("secret");
});
