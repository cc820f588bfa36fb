import type { FileSink, PartialFiles, StagedFile, Volume } from "@wharf/volume";

import type { Download, ResumePoint } from "./download.ts";
import { LeaseLostError } from "./errors.ts";
import { readMarks, writeMarks } from "./marks.ts";
import { addRange, countBytes, endOf, gapsIn, withoutRange, type ByteRange } from "./ranges.ts";
import type { Claim, DownloadStore, Lease } from "./store.ts";

/** What a source says of its file when it is asked for the whole of it. */
export type SourceFacts = Pick<ResumePoint, "validator" | "total" | "digest" | "name" | "modifiedMs">;

const NOTHING: Omit<ResumePoint, "failures"> = {
  partial: null,
  durable: [],
  validator: null,
  total: null,
  digest: null,
  name: null,
  modifiedMs: null,
};
/** Less is fetched again sooner than it is worth a record before the first byte. */
const RECORDED_BYTES = 1 << 20;
/** How often it is marked what is written: as soon as either has passed. */
const MARK_BYTES = 4 << 20;
const MARK_MS = 20;

/**
 * The partial file of one attempt, and the record of it, kept in step: bytes are recorded once they are durable.
 * Starting over takes a new file, so that the bytes of two versions are never in one, whatever a power cut leaves of
 * the last few writes.
 */
export class WorkingFile {
  readonly #volume: Volume;
  readonly #partials: PartialFiles;
  readonly #store: DownloadStore;
  readonly #lease: Lease;
  readonly #isVerifiable: boolean;
  readonly #bytesAtStart: number;
  #point: ResumePoint;
  #written: readonly ByteRange[];
  #staged: StagedFile | undefined;
  #fileCount = 0;
  #isRecorded = true;
  /** Of marks that are being written, and of whether there is more to mark by then. */
  #marking: Promise<void> | undefined;
  #isMarked = true;
  #hasMarks = false;
  #unmarkedBytes = 0;
  #markedAt = 0;

  /** Takes up what the attempt before left, as far as it can be continued. */
  static async open(volume: Volume, store: DownloadStore, claim: Claim): Promise<WorkingFile> {
    const file = new WorkingFile(volume, store, claim);
    const { candidate, resume } = claim.download;
    // Where its writer may still be about to publish it, or was and failed, the name is taken away first.
    const isContested = claim.isTakenOver || candidate !== null;
    if (resume.partial !== null) await file.#takeUp(resume.partial, isContested);
    if (claim.isTakenOver) await file.#removeStrays();
    return file;
  }

  private constructor(volume: Volume, store: DownloadStore, { download }: Claim) {
    this.#volume = volume;
    this.#partials = volume.partials;
    this.#store = store;
    this.#lease = download;
    this.#isVerifiable = isVerifiable(download);
    this.#point = download.resume;
    this.#written = download.resume.durable;
    this.#bytesAtStart = countBytes(download.resume.durable);
  }

  get point(): ResumePoint {
    return this.#point;
  }

  /** Which bytes are in the file, durable or not. */
  get written(): readonly ByteRange[] {
    return this.#written;
  }

  /** The file to write to; there is one after {@link startOver}, and from the start when there is something in it. */
  get staged(): StagedFile {
    if (!this.#staged) throw new Error("The file was not started.");
    return this.#staged;
  }

  /** Whether further bytes can be joined to those that are there: of the same version, or found out if they are not. */
  get canContinue(): boolean {
    return this.#point.validator !== null || this.#isVerifiable;
  }

  /** Whether every byte is there already, and only publication is left. */
  get isWhole(): boolean {
    const { total } = this.#point;
    return this.#staged !== undefined && total !== null && gapsIn(this.#written, total).length === 0;
  }

  /** Goes on in the same file if its writer has let go of it or is dead, else in a copy. */
  async #takeUp(earlier: string, isContested: boolean): Promise<void> {
    const point = this.#point;
    const { total } = point;
    // Before anything is copied: whoever may still write there marks bytes that a copy may have passed already.
    const marks = total === null ? undefined : await readMarks(this.#partials, earlier, total);
    const written = (marks?.ranges ?? []).reduce<readonly ByteRange[]>(addRange, point.durable);
    const isWorthIt = this.canContinue || (total !== null && gapsIn(written, total).length === 0);
    const isInUse = isContested && !(marks && (await this.#volume.isDead(marks.holder)));
    if (isWorthIt && !isInUse) this.#staged = await this.#partials.reopen(earlier, endOf(written));
    this.#written = this.#staged ? written : [];
    if (this.#staged) return this.mark();
    const held = await this.#partials.seize(earlier);
    const name = this.#newName();
    if (isWorthIt) this.#staged = await this.#partials.continueFrom(name, held, endOf(written));
    if (this.#staged) {
      this.#written = written;
      this.#point = { ...point, partial: name, durable: written };
    } else {
      this.#point = { ...NOTHING, failures: point.failures };
    }
    await this.#record();
    await this.#partials.remove(held);
  }

  /** What the lost worker has not recorded nobody else will ask for. */
  async #removeStrays(): Promise<void> {
    const { id, epoch } = this.#lease;
    const names = (await this.#partials.names()).filter((name) => name.startsWith(`${id}.`));
    const others = names.filter((name) => name !== this.#point.partial);
    const strays = others.filter((name) => Number.parseInt(name.slice(id.length + 1), 10) !== epoch);
    await Promise.all(strays.map((name) => this.#partials.remove(name)));
  }

  /** Begins with an empty file. */
  async startOver(facts: SourceFacts): Promise<void> {
    const before = this.#staged;
    const name = this.#newName();
    await this.#marking;
    this.#staged = await this.#partials.create(name);
    this.#hasMarks = false;
    this.#written = [];
    this.#point = { ...facts, partial: name, durable: [], failures: this.#point.failures };
    this.#isRecorded = false;
    if (facts.total === null || facts.total > RECORDED_BYTES) await this.#record();
    await before?.discard();
  }

  /** Takes note of a length that was not known when the file was begun. */
  learnTotal(total: number | null): void {
    this.#point = { ...this.#point, total: this.#point.total ?? total };
  }

  /** A writer from `position` on; what it has written counts as {@link written}. */
  sink(position: number, batchBytes: () => number): FileSink {
    const onWritten = (start: number, end: number): void => {
      this.#written = addRange(this.#written, { start, end });
      this.#unmarkedBytes += end - start;
      const isDue = performance.now() - this.#markedAt >= MARK_MS || this.#unmarkedBytes >= MARK_BYTES;
      if (isDue) this.mark();
    };
    return this.staged.sink(position, { batchBytes, onWritten });
  }

  /** Has what is written by now survive the end of this process. */
  mark(): void {
    const { total } = this.#point;
    if (total === null || total <= RECORDED_BYTES || !this.canContinue) return;
    this.#unmarkedBytes = 0;
    this.#markedAt = performance.now();
    this.#isMarked = false;
    this.#hasMarks = true;
    // A mark that cannot be written is one that is missing after a kill, and no more.
    this.#marking ??= this.#writeMarks(this.staged.fd, total).catch(() => undefined);
  }

  async #writeMarks(fd: number, total: number): Promise<void> {
    try {
      while (!this.#isMarked) {
        this.#isMarked = true;
        await writeMarks(fd, total, { holder: await this.#volume.holder(), ranges: this.#written });
      }
    } finally {
      this.#marking = undefined;
    }
  }

  /** Makes what is written durable, and records it: first the bytes, then the promise that they are there. */
  async save(): Promise<void> {
    const written = this.#written;
    if (!this.canContinue || countBytes(written) === countBytes(this.#point.durable)) return;
    await this.staged.sync();
    this.#advance(written);
    await this.#record();
  }

  /** Forgets bytes that have turned out to be wrong. */
  async forget(ranges: readonly ByteRange[]): Promise<void> {
    this.#written = ranges.reduce<readonly ByteRange[]>(withoutRange, this.#written);
    this.#point = { ...this.#point, durable: this.#written };
    this.mark();
    await this.#marking;
    await this.#record();
  }

  /** Makes a whole file what is to be published: nothing in it but its bytes. That they are durable is seen to then. */
  async finish(): Promise<void> {
    const total = endOf(this.#written);
    await this.#marking;
    if (this.#hasMarks) await this.staged.truncate(total);
    this.#point = { ...this.#point, total };
  }

  #advance(durable: readonly ByteRange[]): void {
    const failures = countBytes(durable) > this.#bytesAtStart ? 0 : this.#point.failures;
    this.#point = { ...this.#point, durable, failures };
  }

  async #record(): Promise<void> {
    if (!(await this.#store.record(this.#lease, this.#point))) throw new LeaseLostError();
    this.#isRecorded = true;
  }

  /** Records that it is about to be published at a path. */
  async offer(candidate: string): Promise<void> {
    if (!(await this.#store.offer(this.#lease, this.#point, candidate))) throw new LeaseLostError();
    this.#isRecorded = true;
  }

  /** Whether somebody who goes on with the download will find the file. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  #newName(): string {
    const { id, epoch } = this.#lease;
    this.#fileCount++;
    return this.#fileCount === 1 ? `${id}.${epoch}` : `${id}.${epoch}.${this.#fileCount}`;
  }

  /** Closes the file, leaving it for the next attempt. */
  async close(): Promise<void> {
    await this.#marking;
    await this.#staged?.close();
  }
}

/** Whether a file can be told from any other once it is whole, so that its parts may come from anywhere. */
export function isVerifiable({
  size,
  checksum,
  pieces,
}: Pick<Download, "size" | "checksum" | "pieces">): boolean {
  return size !== null && (checksum !== null || pieces !== null);
}
