import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";

import { parseChecksum, sourceDigest } from "./checksum.ts";
import { ChecksumInvalidError } from "./errors.ts";

const digest = createHash("sha256").update("x").digest();
const hex = digest.toString("hex");

describe("a checksum is written in one way", () => {
  test.each([
    `sha-256=${hex}`,
    `sha-256=${hex.toUpperCase()}`,
    `SHA-256=${hex}`,
    `sha256=${hex}`,
    `sha-256=${digest.toString("base64")}`,
    `sha-256=${digest.toString("base64url")}`,
    `sha-256=:${digest.toString("base64")}:`,
    ` sha-256=${hex} `,
  ])("%s", (text) => {
    expect(parseChecksum(text)).toBe(`sha-256=${hex}`);
  });
});

test.each([
  "",
  hex,
  "sha-256=",
  "sha-256=abc",
  `sha-512=${hex}`,
  `md5=${hex}`,
  `crc32=${hex}`,
  `constructor=${hex}`,
  `sha-256=${hex}00`,
  `sha-256=${"z".repeat(64)}`,
])("%j is no checksum", (text) => {
  expect(() => parseChecksum(text)).toThrow(ChecksumInvalidError);
});

describe("what a source states of the whole file", () => {
  const base64 = digest.toString("base64");
  test.each([
    ["Repr-Digest", { "repr-digest": `sha-256=:${base64}:` }, `sha-256=${hex}`],
    ["several algorithms", { "repr-digest": `unixsum=:AA==:, sha-256=:${base64}:` }, `sha-256=${hex}`],
    ["Digest, as it was before", { digest: `unixsum=30637,SHA-256=${base64}` }, `sha-256=${hex}`],
    ["Content-MD5", { "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" }, "md5=d41d8cd98f00b204e9800998ecf8427e"],
    [
      "Repr-Digest before the others",
      { "repr-digest": `sha-256=:${base64}:`, "content-md5": "1B2M2Y8AsgTpgAmY7PhCfg==" },
      `sha-256=${hex}`,
    ],
    ["one that cannot be read", { digest: "SHA-256=short", "content-md5": "?" }, null],
    ["none", {}, null],
  ] as const)("%s", (_what, headers, expected) => {
    expect(sourceDigest(headers)).toBe(expected);
  });
});
