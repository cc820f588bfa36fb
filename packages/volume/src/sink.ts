import fs from "node:fs";

const BATCH_BYTES = 1 << 20;
/**
 * How many batches a sink holds before it asks for a pause: one is being written, and the next arrive meanwhile. With more of them in flight every chunk has left the
 * processor's caches when it is written, and a large transfer takes twice the system time.
 */
export const BATCHES_HELD = 3;
/** With how many it asks for more again. */
const LOW_WATER = 2;
/** Smaller chunks' memory is left to the collector. */
const MIN_FREED_BYTES = 4 << 10;
/** `IOV_MAX` on Linux and macOS: what one `writev` takes. */
const BATCH_CHUNKS = 1024;

export interface SinkOptions {
  /** How many bytes one write is to have, asked anew each time; default: a mebibyte. Three times that may wait. */
  readonly batchBytes?: () => number;
  /** Called with each batch's size before it is written; what it throws ends the sink (a full disk, say). */
  readonly beforeBatch?: (bytes: number) => Promise<void> | undefined;
  /** Hears which bytes of the file a write has brought. */
  readonly onWritten?: (start: number, end: number) => void;
}

/**
 * Gathers chunks as they arrive and writes them in large batches, one `writev` at an offset in flight at a time, so
 * that receiving and writing overlap and neither waits for small pieces.
 *
 * ```ts
 * if (!sink.push(chunk)) { source.pause(); await sink.drained(); source.resume(); }
 * ```
 */
export class FileSink {
  readonly #fd: number;
  readonly #batchBytes: () => number;
  readonly #beforeBatch: (bytes: number) => Promise<void> | undefined;
  readonly #onWritten: (start: number, end: number) => void;
  #position: number;
  #chunks: Uint8Array[] = [];
  #pendingBytes = 0;
  /** The batch under way; never rejects. */
  #writing: Promise<void> | undefined;
  /** Where the last byte that was pushed goes, and how far is to be written without waiting for more. */
  #pushed: number;
  #flushUpTo = 0;
  #error: unknown;
  #waiting: Waiter[] = [];

  /** @param position where in the file the first byte goes */
  constructor(fd: number, position: number, options: SinkOptions = {}) {
    this.#fd = fd;
    this.#position = position;
    this.#pushed = position;
    this.#batchBytes = options.batchBytes ?? (() => BATCH_BYTES);
    this.#beforeBatch = options.beforeBatch ?? (() => undefined);
    this.#onWritten = options.onWritten ?? (() => undefined);
  }

  /** How far the file is written: everything before this offset has been handed to the system. */
  get position(): number {
    return this.#position;
  }

  /**
   * Takes a chunk, and its memory: one of 4 KiB or more that is all of an `ArrayBuffer` is empty after it was written.
   *
   * @returns false when the caller should stop until {@link drained} (also after a failure, which `drained` throws)
   */
  push(chunk: Uint8Array): boolean {
    if (this.#error !== undefined) return false;
    this.#chunks.push(chunk);
    this.#pendingBytes += chunk.length;
    this.#pushed += chunk.length;
    this.#writeWhenDue();
    return this.#pendingBytes < BATCHES_HELD * this.#batchBytes();
  }

  /** Resolves when there is room for more. */
  drained(): Promise<void> {
    const bytes = LOW_WATER * this.#batchBytes();
    return this.#until(() => this.#pendingBytes < bytes);
  }

  /** Resolves when every byte pushed so far has been written, whatever is pushed meanwhile. */
  flush(): Promise<void> {
    const end = this.#pushed;
    this.#flushUpTo = end;
    this.#writeWhenDue();
    return this.#until(() => this.#position >= end);
  }

  /**
   * Ends the sink: what was pushed and is not being written is dropped. Resolves when no write is under way, and the
   * descriptor may be closed.
   */
  async stop(): Promise<void> {
    this.#fail(new Error("The sink was stopped."));
    await this.#writing;
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.#chunks = [];
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#error);
  }

  #until(isSo: () => boolean): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (isSo()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ isSo, resolve, reject }));
  }

  #writeWhenDue(): void {
    if (this.#writing || this.#chunks.length === 0) return;
    const isBatch = this.#pendingBytes >= this.#batchBytes() || this.#chunks.length >= BATCH_CHUNKS;
    if (!isBatch && this.#position >= this.#flushUpTo) return;
    const batch = this.#chunks.splice(0, BATCH_CHUNKS);
    this.#writing = this.#write(batch).then(
      () => {
        this.#writing = undefined;
        this.#writeWhenDue();
        this.#wake();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  async #write(batch: Uint8Array[]): Promise<void> {
    let bytes = 0;
    for (const chunk of batch) bytes += chunk.length;
    await this.#beforeBatch(bytes);
    let rest = batch;
    while (rest.length > 0) {
      const written = await writev(this.#fd, rest, this.#position);
      this.#onWritten(this.#position, this.#position + written);
      this.#position += written;
      this.#pendingBytes -= written;
      rest = afterBytes(rest, written);
    }
    for (const chunk of batch) free(chunk);
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ isSo }) => isSo());
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter));
    for (const waiter of ready) waiter.resolve();
  }
}

interface Waiter {
  readonly isSo: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gives a chunk's memory back at once. Left to the collector, which sees only the small object in front of it, a fast
 * upload has 80 MB of written chunks lying about, and each new one is fresh memory for the kernel to find and clear:
 * this takes a third off the processor time of a large one. Nobody else can have a use for the memory, since the chunk is all of it; but for
 * small ones: a form's parser hands out the buffer in which it keeps the beginning of what may be a boundary.
 */
function free({ buffer, byteLength }: Uint8Array): void {
  if (byteLength < MIN_FREED_BYTES) return;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** What is left of `chunks` after a write that may have been short. */
function afterBytes(chunks: Uint8Array[], bytes: number): Uint8Array[] {
  let rest = bytes;
  let index = 0;
  for (; index < chunks.length; index++) {
    const length = chunks[index]?.length ?? 0;
    if (length > rest) break;
    rest -= length;
  }
  const left = chunks.slice(index);
  if (left[0] && rest > 0) left[0] = left[0].subarray(rest);
  return left;
}

function writev(fd: number, chunks: Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, chunks, position, (error, written) => (error ? reject(error) : resolve(written)));
  });
}
