import { Counter, Gauge, Histogram, type Registry } from "@wharf/service";

import type { Claim, DownloadStore } from "./store.ts";

/** In seconds: from at once to a day. */
const QUEUE_BUCKETS = [0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200, 86_400];

/** What is counted about downloads. */
export class DownloadMetrics {
  readonly finished: Counter<"outcome">;
  readonly bytes: Counter<"outcome">;
  readonly retries: Counter<"cause">;
  readonly refusals: Counter;
  readonly takeOvers: Counter;
  readonly active: Gauge;
  readonly webhooks: Counter<"outcome">;
  readonly #queueSeconds: Histogram;

  constructor(registry: Registry, store: Pick<DownloadStore, "stats">) {
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
      help: "URLs and connections that the guard did not let through",
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
    this.webhooks = new Counter({
      name: "wharf_webhook_calls_total",
      help: "Calls of webhooks that this replica has made, by what became of them",
      labelNames: ["outcome"],
      registers,
    });
    this.#queueSeconds = new Histogram({
      name: "wharf_download_queue_seconds",
      help: "From when a download could be started (submitted, due by its notBefore, or resumed) to when it first was",
      buckets: QUEUE_BUCKETS,
      registers,
    });
    const queued: Gauge = new Gauge({
      name: "wharf_downloads_queued",
      help: "Downloads waiting, for any replica",
      registers,
      // Without the store nobody knows; all else is worth knowing then more than ever.
      collect: () =>
        store.stats().then(
          ({ states }) => queued.set(states.queued),
          () => queued.set(NaN),
        ),
    });
  }

  /** A download was claimed, to be started now. */
  claimed({ download, isTakenOver, dueAt }: Claim, nowMs: number): void {
    if (isTakenOver) this.takeOvers.inc();
    if (download.attempts > 1) return;
    this.#queueSeconds.observe(Math.max(0, nowMs - dueAt) / 1000);
  }
}
