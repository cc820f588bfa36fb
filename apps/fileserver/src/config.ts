import { resolve } from "node:path";

import {
  bytes,
  integer,
  milliseconds,
  readEnvironment,
  serviceRules,
  serviceVariables,
  type ConfigOf,
  type Environment,
} from "@wharf/service";

/** `volume/` at the repository's root; images and manifests set `VOLUME_DIR`. */
const DEFAULT_VOLUME = resolve(import.meta.dirname, "../../../volume");

const variables = {
  ...serviceVariables({ port: 8080, metricsPort: 9080, volumeDirectory: DEFAULT_VOLUME }),
  maxUploadBytes: bytes("MAX_UPLOAD_BYTES", Infinity),
  uploadExpiryMs: milliseconds("UPLOAD_EXPIRY_MS", 86_400_000),
  maxTransfers: integer("MAX_TRANSFERS", 1024, { min: 1, max: 1_000_000 }),
};

export type FileserverConfig = ConfigOf<typeof variables>;

/**
 * The fileserver's configuration from its environment.
 *
 * @throws {ConfigError} naming everything that is wrong
 */
export function parseConfig(env: Environment): FileserverConfig {
  return readEnvironment(env, variables, serviceRules);
}
