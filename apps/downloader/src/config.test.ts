import { inspect } from "node:util";

import { ConfigError, type Environment } from "@wharf/service";
import { expect, test } from "vitest";

import { parseConfig } from "./config.ts";

test("without an environment there are defaults", () => {
  const config = parseConfig({});
  expect(config).toMatchObject({
    host: "127.0.0.1",
    port: 3000,
    metricsPort: 9030,
    databaseUrl: undefined,
    maxActive: 8,
    maxPerHost: 8,
    segments: 4,
    allowNetworks: [],
    allowPorts: [80, 443, 8080, 8443],
    connectTimeoutMs: 10_000,
    headersTimeoutMs: 30_000,
    stallTimeoutMs: 30_000,
    maxAttempts: 10,
    maxBytes: Infinity,
    speedLimit: null,
    leaseMs: 15_000,
    httpProxy: undefined,
    httpsProxy: undefined,
    noProxy: [],
    webhookKey: undefined,
  });
  expect(Object.isFrozen(config)).toBe(true);
});

test("what is set is read", () => {
  const env = {
    ALLOW_PORTS: "80, 9000",
    ALLOW_NETWORKS: "10.0.0.0/8,fd00::/8",
    MAX_BYTES: "2G",
    LEASE_MS: "2000",
    DATABASE_URL: "postgresql://wharf@db.example/wharf",
    SEGMENTS: "16",
    SPEED_LIMIT: "10M",
  };
  expect(parseConfig(env)).toMatchObject({
    allowPorts: [80, 9000],
    allowNetworks: ["10.0.0.0/8", "fd00::/8"],
    maxBytes: 2 ** 31,
    leaseMs: 2000,
    databaseUrl: "postgresql://wharf@db.example/wharf",
    segments: 16,
    speedLimit: 10 * 2 ** 20,
  });
  expect(parseConfig({ ALLOW_PORTS: "*" }).allowPorts).toBe("any");
});

test("the proxies' variables may be in either case, and the lower one wins", () => {
  const env = {
    HTTP_PROXY: "http://upper.example:3128",
    http_proxy: "http://user:pass@lower.example:3128",
    HTTPS_PROXY: "https://upper.example/",
    https_proxy: "",
    NO_PROXY: "unused.example",
    no_proxy: "localhost, .svc  10.0.0.0/8,,[::1]:80",
  };
  const config = parseConfig(env);
  expect(config.httpProxy?.host).toBe("lower.example:3128");
  expect(config.httpsProxy).toBeUndefined();
  expect(config.noProxy).toEqual(["localhost", ".svc", "10.0.0.0/8", "[::1]:80"]);
  expect(parseConfig({ HTTPS_PROXY: "https://upper.example" }).httpsProxy?.href).toBe(
    "https://upper.example/",
  );
});

test("a key to sign with is text, or base64 that says so", () => {
  const keyOf = (secret: string) => parseConfig({ WEBHOOK_SECRET: secret }).webhookKey?.export().toString();
  expect(keyOf("sixteen letters!")).toBe("sixteen letters!");
  expect(keyOf(`whsec_${Buffer.from("sixteen letters!").toString("base64")}`)).toBe("sixteen letters!");
  expect(inspect(parseConfig({ WEBHOOK_SECRET: "sixteen letters!" }))).not.toContain("sixteen letters");
});

test.each([
  ["DATABASE_URL", "mysql://u:topsecret@db/x"],
  ["DATABASE_URL", "topsecret"],
  ["HTTP_PROXY", "proxy.example:3128"],
  ["HTTP_PROXY", "socks5://u:topsecret@proxy.example"],
  ["HTTPS_PROXY", "http://u:topsecret@proxy.example/path"],
  ["HTTPS_PROXY", "http://u:topsecret%zz@proxy.example"],
  ["HTTPS_PROXY", "http://"],
  ["WEBHOOK_SECRET", "topsecret"],
  ["WEBHOOK_SECRET", "whsec_dG9wc2VjcmV0"],
  ["SPEED_LIMIT", "0"],
  ["SPEED_LIMIT", "fast"],
  ["SEGMENTS", "17"],
  ["SEGMENTS", "0"],
])("%s cannot be %s", (name, value) => {
  expect(problemsOf({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} must be `))]);
  expect(problemsOf({ [name]: value }).join()).not.toMatch(/topsecret|dG9w/);
});

test("everything that is wrong is told at once", () => {
  const env = {
    DATABASE_URL: "sqlite:///x",
    ALLOW_PORTS: "80,http",
    ALLOW_NETWORKS: "10.0.0.0/33",
    MAX_ACTIVE: "0",
    LEASE_MS: "soon",
  };
  const problems = problemsOf(env);
  expect(new Set(problems.map((problem) => problem.split(" ")[0]))).toEqual(new Set(Object.keys(env)));
});

function problemsOf(env: Environment): readonly string[] {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}
