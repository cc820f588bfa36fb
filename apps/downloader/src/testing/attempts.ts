import { addressSet } from "@wharf/service";
import type { Volume } from "@wharf/volume";
import type { Dispatcher } from "undici";

import type { AttemptContext } from "../downloads/attempt.ts";
import { CHECKPOINT_INTERVALS } from "../downloads/checkpoints.ts";
import { HostConnections } from "../downloads/host-connections.ts";
import type { Claim, DownloadStore } from "../downloads/store.ts";
import { SpeedLimiter } from "../downloads/token-bucket.ts";
import { WriteSizes } from "../downloads/write-sizes.ts";

/** What an attempt works with when no worker is there, and the loopback may be connected to. */
export function attemptContext(volume: Volume, store: DownloadStore, dispatcher: Dispatcher): AttemptContext {
  return {
    volume,
    store,
    dispatcher,
    policy: { networks: addressSet(["127.0.0.1"]), hasNetworks: true, ports: "any" },
    headersTimeoutMs: 1_000,
    stallTimeoutMs: 1_000,
    maxBytes: Infinity,
    segments: 1,
    checkpoints: CHECKPOINT_INTERVALS.full,
    limiter: new SpeedLimiter(null),
    hosts: new HostConnections(8),
    writeSizes: new WriteSizes(),
  };
}

/** A claim whose lease has run out by the next one. */
export async function claimBriefly(store: DownloadStore): Promise<Claim> {
  const claim = await store.claim({ worker: "test", leaseMs: 0, busyHosts: [] });
  if (!claim) throw new Error("nothing to claim");
  return claim;
}
