import { expect, test } from "vitest";

import { preferredType } from "./accept.ts";

const OFFERED = ["text/html", "application/json", "application/x-ndjson"] as const;

test.each([
  ["application/json", "application/json"],
  ["APPLICATION/JSON", "application/json"],
  ["application/json; charset=utf-8", "application/json"],
  ["application/x-ndjson", "application/x-ndjson"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"],
  ["application/json, text/plain, */*", "application/json"],
  ["text/html;q=0.5, application/json", "application/json"],
  ["application/json;q=0.5, text/html;q=0.6", "text/html"],
  ["application/json, text/html", "application/json"],
  ["application/x-ndjson;q=1, application/json;q=0.9", "application/x-ndjson"],
  ["application/json;q=0", undefined],
  ["application/json;q=high", undefined],
  ["*/*", undefined],
  ["application/*", undefined],
  ["text/plain", undefined],
  ["application/json5", undefined],
  [",;,", undefined],
  ["", undefined],
  [undefined, undefined],
])("%s asks for %s", (accept, expected) => {
  expect(preferredType(accept, OFFERED)).toBe(expected);
});
