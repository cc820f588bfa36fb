import { setTimeout as sleep } from "node:timers/promises";

import { LeaseLostError, ShutdownError } from "./errors.ts";
import { Refill } from "./refill.ts";
import { Run, type RunContext } from "./run.ts";
import type { Lease, Progress } from "./store.ts";

/** How often the queue is looked at for what other replicas were given, and what has become due. */
const POLL_MS = 500;
/** The longest between two heartbeats; by them a worker also learns what clients want of its downloads. */
const HEARTBEAT_MS = 500;
/** The shortest between two, however often there is news. */
const MIN_HEARTBEAT_MS = 100;

/** Ctrl-C leaves half a second for everything. */
const END_WITHIN_MS = 400;

export interface WorkerOptions {
  /** For people who look at the table. */
  readonly name: string;
  readonly maxActive: number;
  /** A worker that has not renewed for this long has lost its downloads. */
  readonly leaseMs: number;
}

/** Works the queue off, together with the workers of all other replicas. */
export class Worker {
  readonly #context: RunContext;
  readonly #options: WorkerOptions;
  readonly #runs = new Set<Run>();
  readonly #refill: Refill;
  #timers: NodeJS.Timeout[] = [];
  #beating: Promise<void> | undefined;
  #renewedAt = performance.now();
  #isEnding = false;

  constructor(context: RunContext, options: WorkerOptions) {
    this.#context = context;
    this.#options = options;
    this.#refill = new Refill(
      () => this.#startNext(),
      (error) => context.logger.error({ err: error }, "could not claim a download"),
    );
  }

  start(): void {
    const heartbeatMs = Math.min(HEARTBEAT_MS, this.#options.leaseMs / 3);
    this.#timers = [
      setInterval(() => this.#refill.wake(), POLL_MS),
      setInterval(() => this.#beatSoon(), heartbeatMs),
    ];
    this.wake();
  }

  /** There may be something to do, or to be done otherwise; returns at once. */
  wake(): void {
    this.#refill.wake();
    if (performance.now() - this.#renewedAt >= MIN_HEARTBEAT_MS) this.#beatSoon();
  }

  #beatSoon(): void {
    this.#beating ??= this.#beat().finally(() => (this.#beating = undefined));
  }

  /**
   * Ends what runs, makes what it has received durable, and hands it back, for others or for the next start. False when
   * that takes too long: then something may still be written.
   */
  async close(): Promise<boolean> {
    this.#isEnding = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#refill.settled();
    for (const run of this.#runs) run.abort(new ShutdownError());
    const ends = Promise.all([this.#beating, ...[...this.#runs].map((run) => run.done)]);
    // A disk may take long to sync; what is not handed back by then is taken over when its lease has run out.
    return Promise.race([ends.then(() => true), sleep(END_WITHIN_MS, false, { ref: false })]);
  }

  async #startNext(): Promise<boolean> {
    const { name: worker, leaseMs, maxActive } = this.#options;
    if (this.#isEnding || this.#runs.size >= maxActive) return false;
    const { store, hosts } = this.#context;
    const claim = await store.claim({ worker, leaseMs, busyHosts: hosts.busy });
    if (!claim) return false;
    hosts.take(claim.download.host);
    if (this.#runs.size === 0) this.#renewedAt = performance.now();
    const run = new Run(this.#context, claim);
    this.#runs.add(run);
    this.#context.metrics.active.set(this.#runs.size);
    void run.done.then(() => {
      this.#runs.delete(run);
      this.#context.metrics.active.set(this.#runs.size);
      hosts.giveBack(run.host);
      if (!this.#isEnding) this.#refill.wake();
    });
    return true;
  }

  /** Renews every lease, and ends the runs that have lost theirs. */
  async #beat(): Promise<void> {
    const { store, logger } = this.#context;
    const runs = new Map<Lease, Run>([...this.#runs].map((run) => [run.lease, run]));
    if (runs.size === 0) return;
    const held = new Map<Lease, Progress>([...runs].map(([lease, run]) => [lease, run.progress()]));
    try {
      const settings = await store.renew(held, this.#options.leaseMs);
      for (const [lease, run] of runs) {
        const own = settings.get(lease);
        if (own) run.apply(own);
        else run.abort(new LeaseLostError());
      }
      this.#renewedAt = performance.now();
    } catch (error) {
      logger.error({ err: error }, "could not renew the leases");
      if (performance.now() - this.#renewedAt < this.#options.leaseMs) return;
      // Others may be at these downloads by now, and nothing can tell.
      for (const run of runs.values()) run.abort(new LeaseLostError());
    }
  }
}
