import type { PartialFiles, StagedFile } from "@wharf/volume";

import type { ResumePoint } from "./download.ts";
import { LeaseLostError } from "./errors.ts";
import type { Known } from "./resume.ts";
import type { Claim, DownloadStore, Lease } from "./store.ts";

/** What a source says of its file when it is asked for the whole of it. */
export type SourceFacts = Pick<ResumePoint, "validator" | "total" | "name" | "modifiedMs">;

const NOTHING: Omit<ResumePoint, "failures"> = {
  partial: null,
  durableBytes: 0,
  validator: null,
  total: null,
  name: null,
  modifiedMs: null,
};

/**
 * The partial file of one attempt, and the record of it, kept in step: a file is recorded before anything is written
 * to it, and the one before is removed only then. Starting over takes a new file, so that the bytes of two versions
 * are never in one, whatever a power cut leaves of the last few writes.
 */
export class WorkingFile {
  readonly #partials: PartialFiles;
  readonly #store: DownloadStore;
  readonly #lease: Lease;
  readonly #bytesAtStart: number;
  #point: ResumePoint;
  #staged: StagedFile | undefined;
  #fileCount = 0;

  /** Takes up what the attempt before left, as far as it can be continued. */
  static async open(partials: PartialFiles, store: DownloadStore, claim: Claim): Promise<WorkingFile> {
    const file = new WorkingFile(partials, store, claim);
    const { candidate, resume } = claim.download;
    // Where its writer may still be about to publish it, or was and failed, the name is taken away first.
    const isContested = claim.isTakenOver || candidate !== null;
    if (resume.partial !== null) await file.#takeUp(resume.partial, isContested);
    return file;
  }

  private constructor(partials: PartialFiles, store: DownloadStore, { download }: Claim) {
    this.#partials = partials;
    this.#store = store;
    this.#lease = download;
    this.#point = download.resume;
    this.#bytesAtStart = download.resume.durableBytes;
  }

  get point(): ResumePoint {
    return this.#point;
  }

  /** The file to write to; there is one after {@link startOver}, and from the start when there is {@link known}. */
  get staged(): StagedFile {
    if (!this.#staged) throw new Error("The file was not started.");
    return this.#staged;
  }

  /** What can be continued from; undefined when that is nothing. */
  get known(): Known | undefined {
    const { durableBytes, validator, total } = this.#point;
    return durableBytes > 0 && validator !== null ? { bytes: durableBytes, validator, total } : undefined;
  }

  /** Whether every byte is there already, and only publication is left. */
  get isWhole(): boolean {
    const { partial, durableBytes, total } = this.#point;
    return partial !== null && durableBytes === total;
  }

  /** Goes on in the same file if its writer has let go of it, else in a copy. */
  async #takeUp(earlier: string, isContested: boolean): Promise<void> {
    const point = this.#point;
    const canContinue = this.known !== undefined || this.isWhole;
    if (canContinue && !isContested) this.#staged = await this.#partials.reopen(earlier, point.durableBytes);
    if (this.#staged) return;
    const held = await this.#partials.seize(earlier);
    const name = this.#newName();
    if (canContinue) this.#staged = await this.#partials.continueFrom(name, held, point.durableBytes);
    this.#point = this.#staged ? { ...point, partial: name } : { ...NOTHING, failures: point.failures };
    await this.#record();
    await this.#partials.remove(held);
  }

  /** Begins with an empty file. */
  async startOver(facts: SourceFacts): Promise<void> {
    const before = this.#staged;
    const name = this.#newName();
    this.#staged = await this.#partials.create(name);
    this.#point = { ...facts, partial: name, durableBytes: 0, failures: this.#point.failures };
    await this.#record();
    await before?.discard();
  }

  /** Records that so many bytes are durable by now. */
  async save(durableBytes: number, total = this.#point.total): Promise<void> {
    const failures = durableBytes > this.#bytesAtStart ? 0 : this.#point.failures;
    this.#point = { ...this.#point, durableBytes, total, failures };
    await this.#record();
  }

  async #record(): Promise<void> {
    if (!(await this.#store.record(this.#lease, this.#point))) throw new LeaseLostError();
  }

  #newName(): string {
    const { id, epoch } = this.#lease;
    this.#fileCount++;
    return this.#fileCount === 1 ? `${id}.${epoch}` : `${id}.${epoch}.${this.#fileCount}`;
  }

  /** Closes the file, leaving it for the next attempt. */
  async close(): Promise<void> {
    await this.#staged?.close();
  }

  /** Closes the file and removes its name; what was published stays. */
  async discard(): Promise<void> {
    await this.#staged?.discard();
  }
}
