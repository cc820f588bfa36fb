import { join, resolve } from "node:path";

import { expect, test } from "vitest";

import { parseConfig } from "./config.ts";

test("nothing needs to be set", () => {
  expect(parseConfig({})).toMatchObject({
    host: "127.0.0.1",
    port: 8080,
    metricsPort: 9080,
    volumeDirectory: resolve(import.meta.dirname, "../../../volume"),
    maxUploadBytes: Infinity,
    uploadExpiryMs: 86_400_000,
    maxTransfers: 1024,
  });
});

test("every variable is read", () => {
  const env = {
    MAX_UPLOAD_BYTES: "2G",
    UPLOAD_EXPIRY_MS: "1000",
    MAX_TRANSFERS: "3",
    VOLUME_DIR: join("/", "v"),
  };
  expect(parseConfig(env)).toMatchObject({
    maxUploadBytes: 2 * 2 ** 30,
    uploadExpiryMs: 1000,
    maxTransfers: 3,
    volumeDirectory: "/v",
  });
});

test("everything that is wrong is told at once", () => {
  const env = { MAX_UPLOAD_BYTES: "big", UPLOAD_EXPIRY_MS: "1d", MAX_TRANSFERS: "0", HOST: "0.0.0.0" };
  expect(() => parseConfig(env)).toThrow(/MAX_UPLOAD_BYTES [^]*UPLOAD_EXPIRY_MS [^]*MAX_TRANSFERS [^]*HOST /);
});
