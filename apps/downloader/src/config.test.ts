import { ConfigError } from "@wharf/service";
import { expect, test } from "vitest";

import { parseConfig } from "./config.ts";

test("without an environment there are defaults", () => {
  const config = parseConfig({});
  expect(config).toMatchObject({
    host: "127.0.0.1",
    port: 3000,
    metricsPort: 9030,
    maxActive: 8,
    maxPerHost: 8,
    allowNetworks: [],
    allowPorts: [80, 443, 8080, 8443],
    connectTimeoutMs: 10_000,
    headersTimeoutMs: 30_000,
    stallTimeoutMs: 30_000,
    maxAttempts: 10,
    maxBytes: Infinity,
    leaseMs: 15_000,
  });
  expect(Object.isFrozen(config)).toBe(true);
});

test("what is set is read", () => {
  const env = {
    ALLOW_PORTS: "80, 9000",
    ALLOW_NETWORKS: "10.0.0.0/8,fd00::/8",
    MAX_BYTES: "2G",
    LEASE_MS: "2000",
  };
  expect(parseConfig(env)).toMatchObject({
    allowPorts: [80, 9000],
    allowNetworks: ["10.0.0.0/8", "fd00::/8"],
    maxBytes: 2 ** 31,
    leaseMs: 2000,
  });
  expect(parseConfig({ ALLOW_PORTS: "*" }).allowPorts).toBe("any");
});

test("everything that is wrong is told at once", () => {
  const env = {
    DATABASE_URL: "postgres://u:secret@db/x",
    ALLOW_PORTS: "80,http",
    ALLOW_NETWORKS: "10.0.0.0/33",
    MAX_ACTIVE: "0",
    LEASE_MS: "soon",
  };
  const problems = (() => {
    try {
      parseConfig(env);
    } catch (error) {
      return error instanceof ConfigError ? error.problems : [];
    }
    return [];
  })();
  expect(new Set(problems.map((problem) => problem.split(" ")[0]))).toEqual(new Set(Object.keys(env)));
  expect(problems.join()).not.toContain("secret");
});
