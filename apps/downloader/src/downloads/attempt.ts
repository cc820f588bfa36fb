import type { ResumePoint } from "./download.ts";
import { LeaseLostError } from "./errors.ts";
import { requireSize } from "./first-answer.ts";
import { Mirrors } from "./mirrors.ts";
import { publishFile } from "./publication.ts";
import { countBytes, endOf } from "./ranges.ts";
import type { Claim, DownloadStore, Settings } from "./store.ts";
import { SpeedLimiter } from "./token-bucket.ts";
import type { TransferContext } from "./transfer-job.ts";
import { Transfer } from "./transfer.ts";
import { findWrongBytes, mismatch } from "./verification.ts";
import { WorkingFile } from "./working-file.ts";

/** What every attempt works with. */
export interface AttemptContext extends TransferContext {
  readonly store: DownloadStore;
}

/**
 * One attempt at a download, from its claim to its publication.
 *
 * Publication and its record are two steps, and a process may die between them. So the path is recorded before, and the
 * partial file's name kept until after: as long as it is there, it tells whether the file was published.
 */
export class Attempt {
  readonly #context: AttemptContext;
  readonly #claim: Claim;
  readonly #signal: AbortSignal;
  readonly #limiter: SpeedLimiter;
  #file: WorkingFile | undefined;
  #transfer: Transfer | undefined;
  #earlier: string | null;

  /** @param signal ends the attempt; what was received until then is made durable */
  constructor(context: AttemptContext, claim: Claim, signal: AbortSignal) {
    this.#context = context;
    this.#claim = claim;
    this.#signal = signal;
    this.#limiter = new SpeedLimiter(claim.download.speedLimit);
    this.#earlier = claim.download.resume.partial;
  }

  /** How far it is. */
  get progress(): { bytes: number; total: number | null; connections: number } {
    const { durable, total } = this.point;
    const bytes = this.#transfer?.bytes ?? countBytes(this.#file?.written ?? durable);
    return { bytes, total, connections: this.#transfer?.connections ?? 0 };
  }

  /** Where a later attempt can go on. */
  get point(): ResumePoint {
    return this.#file?.point ?? this.#claim.download.resume;
  }

  /** Attempts without progress, this one not counted. */
  get failures(): number {
    return this.point.failures;
  }

  /** Whether what there is may be of use to a later attempt. */
  get canContinue(): boolean {
    return this.#file !== undefined && this.#file.canContinue && this.point.durable.length > 0;
  }

  /** The partial file that is there now. */
  get partial(): string | null {
    return this.#file?.point.partial ?? this.#earlier;
  }

  /** Whether somebody else may go on with the partial file, by the record of it. */
  get isRecorded(): boolean {
    return this.#file?.isRecorded ?? true;
  }

  /** Takes over what a client has changed since. */
  apply({ speedLimit }: Settings): void {
    this.#limiter.setRate(speedLimit);
  }

  /**
   * Brings the file and publishes it, or finds that an earlier attempt has.
   *
   * @throws {LeaseLostError} when there is no right to go on; whatever else kept it from bringing the file
   */
  async run(): Promise<void> {
    const { volume, store } = this.#context;
    const { download } = this.#claim;
    if (await this.#isPublished()) {
      return this.#complete(download.candidate ?? "", download.resume.total ?? 0);
    }
    const file = await WorkingFile.open(volume, store, this.#claim);
    this.#file = file;
    try {
      await this.#bring(file);
      await file.finish();
      this.#signal.throwIfAborted();
      const path = await publishFile(volume, file, download);
      await this.#complete(path, endOf(file.written));
    } finally {
      await file.close();
    }
  }

  /** Whether an earlier attempt got as far as publishing, and died before it could say so. */
  async #isPublished(): Promise<boolean> {
    const { candidate, resume } = this.#claim.download;
    if (candidate === null || resume.partial === null) return false;
    const { partials } = this.#context.volume;
    // Whoever was about to publish it cannot any more, and so the answer stays true.
    this.#earlier = await partials.seize(resume.partial);
    return partials.isPublished(this.#earlier);
  }

  /** Resolves when the file is whole and right, from whichever mirrors that took. */
  async #bring(file: WorkingFile): Promise<void> {
    const { download } = this.#claim;
    const signal = this.#signal;
    const mirrors = new Mirrors(download, file.written.length > 0);
    for (;;) {
      if (!file.isWhole) {
        const job = { download, mirrors, file, limiter: this.#limiter, signal };
        this.#transfer = new Transfer(this.#context, job);
        await this.#transfer.run();
        requireSize(download, endOf(file.written));
      }
      const wrong = await findWrongBytes(file, download, signal);
      if (wrong.length === 0) return;
      await file.forget(wrong);
      if (!mirrors.distrust()) throw mismatch(download);
    }
  }

  async #complete(path: string, bytes: number): Promise<void> {
    if (!(await this.#context.store.complete(this.#claim.download, path, bytes))) throw new LeaseLostError();
  }
}
