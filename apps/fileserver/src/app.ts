import { createApp, Health, type Foundation, type Service } from "@wharf/service";
import { Volume } from "@wharf/volume";

import type { FileserverConfig } from "./config.ts";
import { addRoutes } from "./routes/index.ts";
import { STATUSES } from "./statuses.ts";
import { Transfers } from "./transfers.ts";

const SWEEP_INTERVAL_MS = 10 * 60_000;

/** Builds the fileserver on its volume; it does not listen yet. */
export async function buildService(config: FileserverConfig, foundation: Foundation): Promise<Service> {
  const { logger, registry } = foundation;
  const volume = await Volume.open({
    directory: config.volumeDirectory,
    isDurable: config.durability === "full",
    minFreeBytes: config.minFreeBytes,
    strayAgeMs: config.uploadExpiryMs,
  });
  const health = new Health({ volume: () => volume.check() });
  const app = createApp({
    logger,
    health,
    registry,
    statuses: STATUSES,
    trustProxy: config.trustProxy,
    api: {
      title: "Wharf fileserver",
      version: "0.1.0",
      description:
        "Stores files and serves them. A file's URL is /files/<path>; a directory's ends in a slash.",
    },
  });
  addRoutes(app, {
    volume,
    transfers: new Transfers(config.maxTransfers),
    maxUploadBytes: config.maxUploadBytes,
  });

  const sweep = (): void => {
    volume.sweep().then(
      (swept) => void (swept > 0 && logger.info(`swept the staging of ${swept} processes that had died`)),
      (error: unknown) => logger.warn({ err: error }, "could not sweep staging"),
    );
  };
  sweep();
  const sweeper = setInterval(sweep, SWEEP_INTERVAL_MS).unref();
  return {
    app,
    health,
    close: async () => {
      clearInterval(sweeper);
      await volume.close();
    },
  };
}
