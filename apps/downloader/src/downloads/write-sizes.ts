/** What all streams together may gather for their next writes. */
const GATHERED_BYTES = 4 << 20;
const MAX_BATCH_BYTES = 1 << 20;
const MIN_BATCH_BYTES = 64 << 10;

/** Shares memory among the streams of a replica: a few write large batches, many write smaller ones. */
export class WriteSizes {
  #streams = 0;

  add(): void {
    this.#streams++;
  }

  remove(): void {
    this.#streams--;
  }

  /** How much each stream is to gather for one write. */
  get batchBytes(): number {
    const share = GATHERED_BYTES / Math.max(1, this.#streams);
    return Math.min(MAX_BATCH_BYTES, Math.max(MIN_BATCH_BYTES, share));
  }
}
