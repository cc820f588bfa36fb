import type { FileSink, StagedFile, Volume } from "@wharf/volume";

import type { Download, NewDownload, ResumePoint } from "./download.ts";
import { LeaseLostError } from "./errors.ts";
import { Marker, readMarks, type MarkedVersion } from "./marks.ts";
import { parsePartialName, partialName } from "./partial-name.ts";
import { addRange, countBytes, endOf, gapsIn, withoutRange, type ByteRange } from "./ranges.ts";
import type { Claim, DownloadStore } from "./store.ts";

/** What a source says of its file when it is asked for the whole of it. */
export type SourceFacts = Pick<ResumePoint, "validator" | "total" | "digest" | "name" | "modifiedMs">;

/** Where a transfer of which nothing is on disk yet goes on. */
export const NOTHING: Omit<ResumePoint, "failures"> = {
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
/** What the volume adds to a name that it has taken away from whoever had it. */
const SEIZED = ".seized";

/**
 * The partial file of one attempt, and the record of it, kept in step: bytes are recorded once they are durable.
 * Starting over takes a new file, so that the bytes of two versions are never in one, whatever a power cut leaves of
 * the last few writes.
 */
export class WorkingFile {
  readonly #volume: Volume;
  readonly #store: DownloadStore;
  readonly #download: Download;
  readonly #isVerifiable: boolean;
  readonly #bytesAtStart: number;
  #point: ResumePoint;
  #written: readonly ByteRange[] = [];
  #staged: StagedFile | undefined;
  #marker: Marker | undefined;
  #fileCount = 0;
  #isRecorded = true;

  /** Takes up what the attempt before left, as far as it can be continued. */
  static async open(volume: Volume, store: DownloadStore, claim: Claim): Promise<WorkingFile> {
    const file = new WorkingFile(volume, store, claim);
    const { partial } = claim.download.resume;
    const names = partial !== null || claim.isTakenOver ? await volume.partials.names() : [];
    if (partial !== null) await file.#takeUp(partial, names, claim.isTakenOver);
    if (claim.isTakenOver) await file.#removeStrays(names);
    return file;
  }

  private constructor(volume: Volume, store: DownloadStore, { download }: Claim) {
    this.#volume = volume;
    this.#store = store;
    this.#download = download;
    this.#isVerifiable = isVerifiable(download);
    this.#point = download.resume;
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
    return this.#staged !== undefined && isAllOf(this.#written, this.#point.total);
  }

  /** Whether somebody who goes on with the download will find the file. */
  get isRecorded(): boolean {
    return this.#isRecorded;
  }

  /**
   * Goes on in the same file if nobody writes to it any more, else in a copy. Which of several who were each given the
   * download goes on in it is decided by who gives it a new name; that name says whose it is until it is recorded.
   */
  async #takeUp(recorded: string, names: readonly string[], isTakenOver: boolean): Promise<void> {
    const { partials } = this.#volume;
    const { total, durable, failures } = this.#point;
    const { epoch } = this.#download;
    const found = findPartial(recorded, names, epoch);
    // Before anything is copied: whoever may still write there marks bytes that a copy may have passed already.
    const marks = total === null ? [] : await readMarks(partials, found, this.#version(total));
    const written = marks.reduce<readonly ByteRange[]>(addRange, durable);
    const isFree = (found === recorded && !isTakenOver) || (await this.#isLeft(found));
    const name = await this.#newName(isFree ? "taken" : "made");
    const isWorthIt = this.canContinue || isAllOf(written, total);
    const held = isFree || found.endsWith(SEIZED) ? found : await partials.seize(found);
    if (isWorthIt)
      this.#staged = await partials[isFree ? "take" : "continueFrom"](name, held, endOf(written));
    if (isWorthIt && !this.#staged) {
      // Whoever has been faster may have lost the download since: then the file is nobody's but ours.
      const namesNow = await partials.names();
      if (findPartial(recorded, namesNow, epoch) !== found)
        return this.#takeUp(recorded, namesNow, isTakenOver);
    }
    if (this.#staged) {
      this.#written = written;
      // A copy is synced when it is made.
      this.#point = { ...this.#point, partial: name, durable: isFree ? durable : written };
      this.#startMarking();
    } else {
      this.#point = { ...NOTHING, failures };
    }
    await this.#record();
    this.#marker?.mark();
    await partials.remove(held);
  }

  async #isLeft(name: string): Promise<boolean> {
    const { holder } = parsePartialName(name);
    return holder !== undefined && (await this.#volume.isDead(holder));
  }

  /** What the lost worker has not recorded nobody else will ask for. */
  async #removeStrays(names: readonly string[]): Promise<void> {
    const { id, epoch } = this.#download;
    const strays = names.filter((name) => {
      const owner = parsePartialName(name);
      return owner.id === id && owner.epoch < epoch && name !== this.#point.partial;
    });
    await Promise.all(strays.map((name) => this.#volume.partials.remove(name)));
  }

  /** Begins with an empty file. */
  async startOver(facts: SourceFacts): Promise<void> {
    const before = this.#staged;
    await this.#marker?.stop();
    this.#marker = undefined;
    const name = await this.#newName("made");
    this.#staged = await this.#volume.partials.create(name);
    this.#written = [];
    this.#point = { ...facts, partial: name, durable: [], failures: this.#point.failures };
    this.#isRecorded = false;
    this.#startMarking();
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
      this.#marker?.note(end - start);
    };
    return this.staged.sink(position, { batchBytes, onWritten });
  }

  #startMarking(): void {
    const { total } = this.#point;
    if (total === null || total <= RECORDED_BYTES || !this.canContinue) return;
    this.#marker = new Marker(this.staged, this.#version(total), () => this.#written);
  }

  #version(total: number): MarkedVersion {
    return { id: this.#download.id, validator: this.#point.validator, total };
  }

  /** Has what is written by now survive the end of this process. */
  mark(): void {
    this.#marker?.mark();
  }

  /** Makes what is written durable, and records it: first the bytes, then the promise that they are there. */
  async save(): Promise<void> {
    const written = this.#written;
    if (!this.canContinue || countBytes(written) === countBytes(this.#point.durable)) return;
    await this.staged.sync();
    const failures = countBytes(written) > this.#bytesAtStart ? 0 : this.#point.failures;
    this.#point = { ...this.#point, durable: written, failures };
    await this.#record();
  }

  /** Forgets bytes that have turned out to be wrong. */
  async forget(ranges: readonly ByteRange[]): Promise<void> {
    this.#written = ranges.reduce<readonly ByteRange[]>(withoutRange, this.#written);
    this.#point = { ...this.#point, durable: this.#written };
    this.#marker?.mark();
    await this.#marker?.settled();
    await this.#record();
  }

  /** Makes a whole file what is to be published: nothing in it but its bytes. That they are durable is seen to then. */
  async finish(): Promise<void> {
    const total = endOf(this.#written);
    await this.#marker?.stop();
    if (this.#marker) await this.staged.truncate(total);
    this.#point = { ...this.#point, total };
  }

  async #record(): Promise<void> {
    if (!(await this.#store.record(this.#download, this.#point))) throw new LeaseLostError();
    this.#isRecorded = true;
  }

  /** Records that it is about to be published at a path. */
  async offer(candidate: string): Promise<void> {
    if (!(await this.#store.offer(this.#download, this.#point, candidate))) throw new LeaseLostError();
    this.#isRecorded = true;
  }

  async #newName(how: "made" | "taken"): Promise<string> {
    const holder = await this.#volume.holder();
    return partialName(this.#download, holder, how === "made" ? ++this.#fileCount : undefined);
  }

  /** Closes the file, leaving it for the next attempt. */
  async close(): Promise<void> {
    await this.#marker?.stop();
    await this.#staged?.close();
  }
}

/**
 * The file's name now: whoever was given the download since may have taken it, and died before that was recorded. A claim
 * that has come after ours (`before`) keeps what it has taken: the download is its own.
 */
function findPartial(recorded: string, names: readonly string[], before: number): string {
  const { id, epoch } = parsePartialName(recorded);
  const present = [recorded, recorded + SEIZED].find((name) => names.includes(name));
  const taken = names
    .filter((name) => !name.endsWith("~"))
    .map((name) => ({ name, owner: parsePartialName(name) }))
    .filter(
      ({ owner }) =>
        owner.id === id && owner.epoch > epoch && owner.epoch < before && owner.number === undefined,
    )
    .toSorted((one, other) => other.owner.epoch - one.owner.epoch);
  return present ?? taken[0]?.name ?? recorded;
}

function isAllOf(ranges: readonly ByteRange[], total: number | null): boolean {
  return total !== null && gapsIn(ranges, total).length === 0;
}

/** Whether a file can be told from any other once it is whole, so that its parts may come from anywhere. */
export function isVerifiable({
  size,
  checksum,
  pieces,
}: Pick<NewDownload, "size" | "checksum" | "pieces">): boolean {
  return size !== null && (checksum !== null || pieces !== null);
}
