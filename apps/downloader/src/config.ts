import { resolve } from "node:path";

import {
  bytes,
  integer,
  list,
  network,
  readEnvironment,
  refused,
  serviceRules,
  serviceVariables,
  variable,
  type ConfigOf,
  type Environment,
} from "@wharf/service";

/** `volume/` at the repository's root; images and manifests set `VOLUME_DIR`. */
const DEFAULT_VOLUME = resolve(import.meta.dirname, "../../../volume");
const DEFAULT_PORTS: readonly number[] = [80, 443, 8080, 8443];
const DURATION = { min: 1, max: 2 ** 31 - 1 };

const variables = {
  ...serviceVariables({ port: 3000, metricsPort: 9030, volumeDirectory: DEFAULT_VOLUME }),
  databaseUrl: refused(
    "DATABASE_URL",
    "is not available in this release; unset it, and the downloads are kept in SQLite on the volume.",
  ),
  maxActive: integer("MAX_ACTIVE", 8, { min: 1, max: 1000 }),
  maxPerHost: integer("MAX_PER_HOST", 8, { min: 1, max: 1000 }),
  allowNetworks: list("ALLOW_NETWORKS", network),
  allowPorts: variable<readonly number[] | "any", readonly number[]>("ALLOW_PORTS", DEFAULT_PORTS, ports),
  connectTimeoutMs: integer("CONNECT_TIMEOUT_MS", 10_000, DURATION),
  headersTimeoutMs: integer("HEADERS_TIMEOUT_MS", 30_000, DURATION),
  stallTimeoutMs: integer("STALL_TIMEOUT_MS", 30_000, DURATION),
  maxAttempts: integer("MAX_ATTEMPTS", 10, { min: 1, max: 1000 }),
  maxBytes: bytes("MAX_BYTES", Infinity),
  // Shorter, and a pause of the garbage collector would look like a death.
  leaseMs: integer("LEASE_MS", 15_000, { min: 500, max: 3_600_000 }),
};

export type DownloaderConfig = ConfigOf<typeof variables>;

/**
 * The downloader's configuration from its environment.
 *
 * @throws {ConfigError} naming everything that is wrong
 */
export function parseConfig(env: Environment): DownloaderConfig {
  return readEnvironment(env, variables, serviceRules);
}

function ports(value: string): readonly number[] | "any" {
  if (value.trim() === "*") return "any";
  return value.split(",").map((part) => {
    const port = /^\d{1,5}$/.test(part.trim()) ? Number(part) : NaN;
    if (port >= 1 && port <= 65_535) return port;
    throw new Error(`must be ports such as 80,443, or * for any, not "${value}".`);
  });
}
