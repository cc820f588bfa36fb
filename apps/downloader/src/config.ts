import { resolve } from "node:path";

import {
  bytes,
  integer,
  list,
  network,
  readEnvironment,
  serviceRules,
  serviceVariables,
  type ConfigOf,
  type Environment,
} from "@wharf/service";

import {
  hosts,
  ports,
  postgresUrl,
  preferLowerCase,
  proxyUrl,
  signingKey,
  speed,
} from "./config-variables.ts";

/** `volume/` at the repository's root; images and manifests set `VOLUME_DIR`. */
const DEFAULT_VOLUME = resolve(import.meta.dirname, "../../../volume");
const DEFAULT_PORTS: readonly number[] = [80, 443, 8080, 8443];
const DURATION = { min: 1, max: 2 ** 31 - 1 };

const variables = {
  ...serviceVariables({ port: 3000, metricsPort: 9030, volumeDirectory: DEFAULT_VOLUME }),
  databaseUrl: postgresUrl("DATABASE_URL"),
  maxActive: integer("MAX_ACTIVE", 8, { min: 1, max: 1000 }),
  maxPerHost: integer("MAX_PER_HOST", 8, { min: 1, max: 1000 }),
  segments: integer("SEGMENTS", 4, { min: 1, max: 16 }),
  allowNetworks: list("ALLOW_NETWORKS", network),
  allowPorts: ports("ALLOW_PORTS", DEFAULT_PORTS),
  connectTimeoutMs: integer("CONNECT_TIMEOUT_MS", 10_000, DURATION),
  headersTimeoutMs: integer("HEADERS_TIMEOUT_MS", 30_000, DURATION),
  stallTimeoutMs: integer("STALL_TIMEOUT_MS", 30_000, DURATION),
  maxAttempts: integer("MAX_ATTEMPTS", 10, { min: 1, max: 1000 }),
  maxBytes: bytes("MAX_BYTES", Infinity),
  speedLimit: speed("SPEED_LIMIT"),
  // Shorter, and a pause of the garbage collector would look like a death.
  leaseMs: integer("LEASE_MS", 15_000, { min: 500, max: 3_600_000 }),
  httpProxy: proxyUrl("HTTP_PROXY"),
  httpsProxy: proxyUrl("HTTPS_PROXY"),
  noProxy: hosts("NO_PROXY"),
  webhookKey: signingKey("WEBHOOK_SECRET"),
};

export type DownloaderConfig = ConfigOf<typeof variables>;

/**
 * The downloader's configuration from its environment.
 *
 * @throws {ConfigError} naming everything that is wrong
 */
export function parseConfig(env: Environment): DownloaderConfig {
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
  return readEnvironment(preferLowerCase(env, proxies), variables, serviceRules);
}
