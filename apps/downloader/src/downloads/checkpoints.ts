import type { WorkingFile } from "./working-file.ts";
import { countBytes } from "./ranges.ts";

/** How much may be lost to a power cut. */
const CHECKPOINT_BYTES = 64 << 20;
const CHECKPOINT_MS = 2_000;
/** How much may be lost to a kill, of what comes slowly. */
const TICK_MS = 500;

/** Makes what was received durable every so often, and has it recorded. */
export class Checkpoints {
  readonly #file: WorkingFile;
  readonly #flush: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #bytes: number;
  #lastAt = performance.now();
  #running: Promise<void> | undefined;

  /**
   * @param flush writes what waits for more to come
   * @param onError hears of a checkpoint that failed; the transfer has no further use then
   */
  constructor(file: WorkingFile, flush: () => Promise<void>, onError: (error: unknown) => void) {
    this.#file = file;
    this.#flush = flush;
    this.#bytes = countBytes(file.written);
    this.#timer = setInterval(() => {
      this.#running ??= this.#tick()
        .catch(onError)
        .finally(() => (this.#running = undefined));
    }, TICK_MS);
  }

  async #tick(): Promise<void> {
    await this.#flush();
    this.#file.mark();
    const bytes = countBytes(this.#file.written);
    const isDue =
      performance.now() - this.#lastAt >= CHECKPOINT_MS || bytes - this.#bytes >= CHECKPOINT_BYTES;
    if (!isDue) return;
    this.#bytes = bytes;
    this.#lastAt = performance.now();
    await this.#file.save();
  }

  /** Takes no more of them, and resolves when none is being taken. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }
}
