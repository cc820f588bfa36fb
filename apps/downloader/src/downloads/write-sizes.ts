import { BATCHES_HELD } from "@wharf/volume";

/** The most that all streams together hold of what has come and is not written yet; very many hold a little more. */
const HELD_BYTES = 12 << 20;
/** What a stream holds whatever its writes are like: a read that has just come, and another that waits in its socket. */
const READ_BYTES = 2 * (64 << 10);
const MAX_BATCH_BYTES = 1 << 20;
const MIN_BATCH_BYTES = 16 << 10;

/** Shares memory among the streams of a replica: a few write large batches, many write what they are given. */
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
    const share = (HELD_BYTES / Math.max(1, this.#streams) - READ_BYTES) / BATCHES_HELD;
    return Math.min(MAX_BATCH_BYTES, Math.max(MIN_BATCH_BYTES, share));
  }
}
