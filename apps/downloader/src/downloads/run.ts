import type { Logger } from "@wharf/service";

import { Attempt, type AttemptContext } from "./attempt.ts";
import { AttemptError, LeaseLostError, ShutdownError } from "./errors.ts";
import { toAttemptError } from "./failure.ts";
import type { DownloadMetrics } from "./metrics.ts";
import { nextAttemptMs, type RetryPolicy } from "./retry.ts";
import { SpeedMeter } from "./speed.ts";
import type { Claim, Lease, Progress, Settings } from "./store.ts";

export interface RunContext extends AttemptContext {
  readonly retry: RetryPolicy;
  readonly metrics: DownloadMetrics;
  readonly logger: Logger;
}

/** Why a worker no longer has the right to a download, as far as it has to do something about it. */
type Loss = "removed" | "taken over" | "taken away by a client";

/** A claimed download while this worker is at it: one attempt, and what becomes of it in the store. */
export class Run {
  readonly lease: Lease;
  readonly host: string;
  /** Resolves when nothing is left to do; never rejects. */
  readonly done: Promise<void>;
  readonly #context: RunContext;
  readonly #claim: Claim;
  readonly #logger: Logger;
  readonly #abort = new AbortController();
  readonly #attempt: Attempt;
  readonly #speed: SpeedMeter;

  constructor(context: RunContext, claim: Claim) {
    const { download } = claim;
    this.lease = { id: download.id, epoch: download.epoch };
    this.host = download.host;
    this.#context = context;
    this.#claim = claim;
    // The URL stays out of the log: what is in its query may be a secret.
    this.#logger = context.logger.child({
      download: download.id,
      host: download.host,
      attempt: download.attempts,
    });
    this.#attempt = new Attempt(context, claim, this.#abort.signal);
    this.#speed = new SpeedMeter(this.#attempt.progress.bytes, performance.now());
    this.done = this.#run().catch((error: unknown) => {
      // The lease runs out, and then somebody tries again.
      this.#logger.error({ err: error }, "the outcome of an attempt could not be recorded");
    });
  }

  /** Ends the attempt: {@link LeaseLostError} or {@link ShutdownError} says why. */
  abort(reason: LeaseLostError | ShutdownError): void {
    this.#abort.abort(reason);
  }

  /** How far it is, for the record; asked at a steady beat. */
  progress(): Progress {
    const progress = this.#attempt.progress;
    return { ...progress, speed: this.#speed.measure(progress.bytes, performance.now()) };
  }

  /** Takes over what a client has changed since. */
  apply(settings: Settings): void {
    this.#attempt.apply(settings);
  }

  async #run(): Promise<void> {
    const { store, metrics } = this.#context;
    metrics.claimed(this.#claim, Date.now());
    if (this.#claim.isTakenOver) {
      this.#logger.warn("taken over from a worker that has not been heard of for the length of its lease");
    }
    try {
      this.#requireAttemptsLeft();
      await this.#attempt.run();
      this.#count("completed");
      this.#logger.info({ bytes: this.#attempt.progress.bytes }, "download completed");
      await this.#removePartial();
    } catch (error) {
      const reason: unknown = this.#abort.signal.aborted ? this.#abort.signal.reason : error;
      if (reason instanceof LeaseLostError) return this.#giveUp();
      if (reason instanceof ShutdownError) return void (await store.release(this.lease));
      await this.#retryOrFail(toAttemptError(reason));
    }
  }

  /** The file has everything that had come by now; whoever goes on with the download is told so. */
  async #giveUp(): Promise<void> {
    const loss = await this.#findLoss();
    this.#logger.info(`download given up: it was ${loss}`);
    const isWanted =
      loss === "taken over" ? this.#attempt.isRecorded : loss !== "removed" && (await this.#letGo());
    if (!isWanted) await this.#removePartial();
  }

  async #findLoss(): Promise<Loss> {
    const download = await this.#context.store.get(this.lease.id);
    if (!download) return "removed";
    return download.epoch === this.lease.epoch ? "taken away by a client" : "taken over";
  }

  /** Tells whether the bytes may still be wanted. */
  async #letGo(): Promise<boolean> {
    const { store } = this.#context;
    const hasLetGo = await store.letGo(this.lease, this.#attempt.point);
    const isCanceled = hasLetGo && (await store.get(this.lease.id))?.state === "canceled";
    if (isCanceled) this.#count("canceled");
    return !isCanceled;
  }

  /** An attempt that kills its process cannot say so: the claims that followed have counted it. */
  #requireAttemptsLeft(): void {
    if (this.#attempt.failures < this.#context.retry.maxAttempts) return;
    const detail = "Every replica that worked on this download ended unexpectedly.";
    throw new AttemptError("WORKER_LOST", detail);
  }

  async #retryOrFail(error: AttemptError): Promise<void> {
    const { store, retry, metrics } = this.#context;
    const failure = { code: error.code, detail: error.message };
    const failures = this.#attempt.failures + 1;
    const afterMs = nextAttemptMs(error, failures, retry, Math.random());
    if (error.code === "INTERNAL") this.#logger.error({ err: error.cause }, "unexpected error");
    if (afterMs !== undefined) {
      metrics.retries.inc({ cause: error.code });
      this.#logger.info({ code: error.code, afterMs }, `attempt failed, another follows: ${error.message}`);
      await store.retry(this.lease, failure, { afterMs, failures });
      return;
    }
    this.#logger.info({ code: error.code }, `download failed: ${error.message}`);
    if (!(await store.fail(this.lease, failure))) return;
    this.#count("failed");
    // What there is may be gone on with, should a client say where from.
    if (!this.#attempt.canContinue) await this.#removePartial();
  }

  #count(outcome: "completed" | "failed" | "canceled"): void {
    this.#context.metrics.finished.inc({ outcome });
    this.#context.metrics.bytes.inc({ outcome }, this.#attempt.progress.bytes);
  }

  /** The record has the outcome by now; should this fail, the file is swept. */
  async #removePartial(): Promise<void> {
    const { partial } = this.#attempt;
    if (partial === null) return;
    await this.#context.volume.partials.remove(partial).catch((error: unknown) => {
      this.#logger.warn({ err: error }, "could not remove a partial file");
    });
  }
}
