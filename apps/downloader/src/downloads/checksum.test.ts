import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";

import { parseChecksum } from "./checksum.ts";
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
