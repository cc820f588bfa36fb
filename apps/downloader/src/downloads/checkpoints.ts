import type { FileSink, StagedFile } from "@wharf/volume";

/** How much may be lost to a power cut or a kill. */
const CHECKPOINT_BYTES = 64 << 20;
const CHECKPOINT_MS = 2_000;
const TICK_MS = 500;

/**
 * Makes what was received durable every so often, and has it recorded: first the bytes, then the record, so that the
 * record never promises a byte that is not there.
 */
export class Checkpoints {
  readonly #staged: StagedFile;
  readonly #sink: FileSink;
  readonly #save: (durableBytes: number) => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #durableBytes: number;
  #lastAt = performance.now();
  #running: Promise<void> | undefined;

  /**
   * @param sink what writes to `staged`, as far as it is written already durable
   * @param save records so many durable bytes
   * @param onError hears of a checkpoint that failed; the transfer has no further use then
   */
  constructor(
    staged: StagedFile,
    sink: FileSink,
    save: (durableBytes: number) => Promise<void>,
    onError: (error: unknown) => void,
  ) {
    this.#staged = staged;
    this.#sink = sink;
    this.#save = save;
    this.#durableBytes = sink.position;
    this.#timer = setInterval(() => {
      if (!this.#running && this.#isDue()) this.take().catch(onError);
    }, TICK_MS);
  }

  #isDue(): boolean {
    const isLate = performance.now() - this.#lastAt >= CHECKPOINT_MS;
    return isLate || this.#sink.position - this.#durableBytes >= CHECKPOINT_BYTES;
  }

  /** Takes a checkpoint now, after one that is being taken. */
  async take(): Promise<void> {
    await this.#running?.catch(() => undefined);
    this.#running = this.#take().finally(() => (this.#running = undefined));
    await this.#running;
  }

  async #take(): Promise<void> {
    this.#lastAt = performance.now();
    // From a slow source less than a batch may be waiting for the rest of it.
    if (this.#sink.position === this.#durableBytes) await this.#sink.flush();
    const bytes = this.#sink.position;
    if (bytes === this.#durableBytes) return;
    await this.#staged.sync();
    await this.#save(bytes);
    this.#durableBytes = bytes;
  }

  /** Takes no more of them, and resolves when none is being taken. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running?.catch(() => undefined);
  }
}
