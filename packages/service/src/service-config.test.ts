import { resolve } from "node:path";

import { describe, expect, test } from "vitest";

import { ConfigError, readEnvironment, type Environment } from "./config.ts";
import {
  addressSet,
  isLoopback,
  network,
  serviceRules,
  serviceVariables,
  type ServiceConfig,
} from "./service-config.ts";

const variables = serviceVariables({ port: 8080, metricsPort: 9080, volumeDirectory: "/volume" });

function parse(env: Environment): ServiceConfig {
  return readEnvironment(env, variables, serviceRules);
}

function problemsOf(env: Environment): string {
  try {
    parse(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join("\n");
    throw error;
  }
  return "";
}

describe("a service's configuration", () => {
  test("needs nothing to be set", () => {
    expect(parse({})).toEqual({
      host: "127.0.0.1",
      port: 8080,
      metricsHost: undefined,
      metricsPort: 9080,
      volumeDirectory: "/volume",
      auth: undefined,
      logLevel: "info",
      logFormat: undefined,
      shutdownDelayMs: 0,
      shutdownGraceMs: 25_000,
      trustProxy: [],
      durability: "full",
      minFreeBytes: 64 * 2 ** 20,
    });
  });

  test("takes every variable from the environment", () => {
    const env = {
      HOST: "::",
      PORT: "0",
      METRICS_HOST: "127.0.0.1",
      METRICS_PORT: "0",
      VOLUME_DIR: "some/folder",
      AUTH: "none",
      LOG_LEVEL: "debug",
      LOG_FORMAT: "json",
      SHUTDOWN_DELAY_MS: "5000",
      SHUTDOWN_GRACE_MS: "1000",
      TRUST_PROXY: "10.0.0.0/8, ::1",
      DURABILITY: "relaxed",
      MIN_FREE_BYTES: "1G",
    };
    expect(parse(env)).toEqual({
      host: "::",
      port: 0,
      metricsHost: "127.0.0.1",
      metricsPort: 0,
      volumeDirectory: resolve("some/folder"),
      auth: "none",
      logLevel: "debug",
      logFormat: "json",
      shutdownDelayMs: 5000,
      shutdownGraceMs: 1000,
      trustProxy: ["10.0.0.0/8", "::1"],
      durability: "relaxed",
      minFreeBytes: 2 ** 30,
    });
  });

  test("has no management port when METRICS_PORT is empty", () => {
    expect(parse({ METRICS_PORT: "" }).metricsPort).toBeUndefined();
  });

  test("listens on one address when HOST is localhost, not on a second one that knows less", () => {
    expect(parse({ HOST: "localhost" }).host).toBe("127.0.0.1");
  });

  test("is refused with tokens, which this release does not have", () => {
    expect(problemsOf({ AUTH: "token" })).toMatch(
      /^AUTH=token is not available in this release; set AUTH=none/,
    );
  });

  test.each(["0.0.0.0", "::", "192.168.1.10", "files.example"])(
    "is refused beyond loopback on %s until it is told that nobody is asked",
    (host) => {
      expect(problemsOf({ HOST: host })).toMatch(/^HOST .* set AUTH=none/);
      expect(parse({ HOST: host, AUTH: "none" }).host).toBe(host);
    },
  );

  test("names an open HOST beside other wrong variables", () => {
    const problems = problemsOf({ HOST: "0.0.0.0", PORT: "http" });
    expect(problems).toMatch(/^PORT /m);
    expect(problems).toMatch(/^HOST 0\.0\.0\.0/m);
  });

  test.each(["0.0.0.0/0", "::/0", "10.0.0.0/33", "loopback", "1", "fe80::1%lo", "10.0.0.0/8/8", "10.0.0.0/"])(
    "does not trust %s as a proxy",
    (block) => {
      expect(problemsOf({ TRUST_PROXY: block })).toMatch(/^TRUST_PROXY must be/);
    },
  );
});

describe("an address to listen on", () => {
  test.each(["127.0.0.1", "127.9.9.9", "::1", "localhost"])("%s is loopback", (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  test.each(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example", "localhost.example", "::ffff:10.0.0.1", ""])(
    "%s is not",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});

describe("a block of addresses", () => {
  test.each(["10.0.0.0/8", "0.0.0.0/0", "192.168.1.1", "fd00::/8", "::1", "::ffff:10.0.0.0/104"])(
    "%s is one",
    (value) => {
      expect(network(value)).toBe(value);
    },
  );
  test.each([
    "",
    "10",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "fd00::/129",
    "a/8",
    "10.0.0.0/8/8",
    "fe80::1%lo",
  ])("%j is none", (value) => {
    expect(() => network(value)).toThrow(/must be addresses or blocks such as/);
  });

  test("contains the addresses of its prefix", () => {
    const set = addressSet(["10.0.0.0/8", "192.168.1.1", "fd00::/8"]);
    expect(set.check("10.255.0.1")).toBe(true);
    expect(set.check("192.168.1.1")).toBe(true);
    expect(set.check("192.168.1.2")).toBe(false);
    expect(set.check("fd12::1", "ipv6")).toBe(true);
    expect(set.check("2001:db8::1", "ipv6")).toBe(false);
  });
});
