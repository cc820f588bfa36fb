import { hostname } from "node:os";

import { addressSet, createApp, Health, type Foundation, type Service } from "@wharf/service";
import { Volume } from "@wharf/volume";

import type { DownloaderConfig } from "./config.ts";
import { CHECKPOINT_INTERVALS } from "./downloads/checkpoints.ts";
import { createDispatcher } from "./downloads/dispatcher.ts";
import type { GuardPolicy } from "./downloads/guard.ts";
import { HostConnections } from "./downloads/host-connections.ts";
import { DownloadMetrics } from "./downloads/metrics.ts";
import { RETRY_DEFAULTS } from "./downloads/retry.ts";
import { openStore } from "./downloads/store/open-store.ts";
import { sweepPartials } from "./downloads/sweep.ts";
import { SpeedLimiter } from "./downloads/token-bucket.ts";
import { WebhookSender } from "./downloads/webhook-sender.ts";
import { Worker } from "./downloads/worker.ts";
import { WriteSizes } from "./downloads/write-sizes.ts";
import { toBody } from "./routes/download-schema.ts";
import { addRoutes } from "./routes/index.ts";
import { STATUSES } from "./statuses.ts";

const SWEEP_INTERVAL_MS = 60_000;
/** How old a lock of nobody's must be before it is swept from staging. */
const STRAY_AGE_MS = 3_600_000;
/** How long after it a removal is still told to those who follow. */
const HISTORY_KEPT_MS = 24 * 3_600_000;

/** Builds the downloader on its volume, at work already; it does not listen yet. */
export async function buildService(config: DownloaderConfig, foundation: Foundation): Promise<Service> {
  const { logger, registry } = foundation;
  const isDurable = config.durability === "full";
  const volume = await Volume.open({
    directory: config.volumeDirectory,
    isDurable,
    minFreeBytes: config.minFreeBytes,
    strayAgeMs: STRAY_AGE_MS,
  });
  const { databaseUrl } = config;
  const store = await openStore({ databaseUrl, file: volume.statePath("downloads.sqlite"), isDurable });
  const metrics = new DownloadMetrics(registry, store);
  const policy = policyOf(config, () => metrics.refusals.inc());
  const dispatcher = createDispatcher(config, policy);
  const { headersTimeoutMs, stallTimeoutMs, maxBytes, segments, maxAttempts, maxActive, leaseMs } = config;
  const limits = { headersTimeoutMs, stallTimeoutMs, maxBytes, segments };
  const shared = {
    checkpoints: CHECKPOINT_INTERVALS[config.durability],
    limiter: new SpeedLimiter(config.speedLimit),
    hosts: new HostConnections(config.maxPerHost),
    writeSizes: new WriteSizes(),
  };
  const retry = { ...RETRY_DEFAULTS, maxAttempts };
  const worker = new Worker(
    { volume, store, dispatcher, policy, metrics, logger, retry, ...limits, ...shared },
    { name: hostname(), maxActive, leaseMs },
  );

  // Connections of its own: those to a host may all be busy with downloads.
  const messenger = createDispatcher(config, policy);
  const webhooks = new WebhookSender({
    store,
    dispatcher: messenger,
    policy,
    metrics,
    logger,
    key: config.webhookKey,
    describe: toBody,
  });

  const health = new Health({ volume: () => volume.check(), store: () => store.check() });
  const app = createApp({
    logger,
    health,
    registry,
    statuses: STATUSES,
    trustProxy: config.trustProxy,
    api: {
      title: "Wharf downloader",
      version: "0.1.0",
      description: "Is given URLs and brings what they name into the volume, in the background.",
    },
  });
  addRoutes(app, { volume, store, policy, wake: () => worker.wake() });

  const sweep = (): void => {
    Promise.all([volume.sweep(), sweepPartials(volume.partials, store), store.prune(HISTORY_KEPT_MS)]).then(
      ([, partials]) =>
        void (partials > 0 && logger.info(`swept ${partials} partial files without a download`)),
      (error: unknown) => logger.warn({ err: error }, "could not sweep"),
    );
  };
  sweep();
  const sweeper = setInterval(sweep, SWEEP_INTERVAL_MS).unref();
  worker.start();
  store.onChange(() => worker.wake());
  webhooks.start();
  return {
    app,
    health,
    close: async () => {
      clearInterval(sweeper);
      const [hasEnded] = await Promise.all([worker.close(), webhooks.close()]);
      await Promise.all([dispatcher.destroy(), messenger.destroy()]);
      await store.close();
      // Closed, the volume would tell others that this process writes nothing any more.
      if (hasEnded) await volume.close();
    },
  };
}

function policyOf({ allowNetworks, allowPorts }: DownloaderConfig, onRefusal: () => void): GuardPolicy {
  const networks = addressSet(allowNetworks);
  return { networks, hasNetworks: allowNetworks.length > 0, ports: allowPorts, onRefusal };
}
