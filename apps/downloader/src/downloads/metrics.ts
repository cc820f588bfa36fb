import { Counter, Gauge, type Registry } from "@wharf/service";

import type { DownloadStore } from "./store.ts";

/** What is counted about downloads. */
export class DownloadMetrics {
  readonly finished: Counter<"outcome">;
  readonly bytes: Counter<"outcome">;
  readonly retries: Counter<"cause">;
  readonly refusals: Counter;
  readonly takeOvers: Counter;
  readonly active: Gauge;

  constructor(registry: Registry, store: DownloadStore) {
    const registers = [registry];
    this.finished = new Counter({
      name: "wharf_downloads_total",
      help: "Downloads that this replica has finished",
      labelNames: ["outcome"],
      registers,
    });
    this.bytes = new Counter({
      name: "wharf_download_bytes_total",
      help: "Bytes of the downloads that this replica has finished",
      labelNames: ["outcome"],
      registers,
    });
    this.retries = new Counter({
      name: "wharf_download_retries_total",
      help: "Attempts that are to be repeated, by what ended them",
      labelNames: ["cause"],
      registers,
    });
    this.refusals = new Counter({
      name: "wharf_guard_refusals_total",
      help: "Connections that the guard did not let through",
      registers,
    });
    this.takeOvers = new Counter({
      name: "wharf_lease_takeovers_total",
      help: "Downloads taken over from a worker that had lost its lease",
      registers,
    });
    this.active = new Gauge({
      name: "wharf_downloads_active",
      help: "Downloads running in this replica",
      registers,
    });
    const queued: Gauge = new Gauge({
      name: "wharf_downloads_queued",
      help: "Downloads waiting, for any replica",
      registers,
      collect: async () => queued.set((await store.stats()).states.queued),
    });
  }
}
