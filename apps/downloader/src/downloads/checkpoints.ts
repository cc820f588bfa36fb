import type { WorkingFile } from "./working-file.ts";
import { countBytes } from "./ranges.ts";

/** How much may be lost to a power cut: as soon as either has come. */
export interface CheckpointInterval {
  readonly bytes: number;
  readonly ms: number;
}

/** Every sync takes of the disk's time, and so there are few of them where the disk is not to be waited for. */
export const CHECKPOINT_INTERVALS = {
  full: { bytes: 64 << 20, ms: 2_000 },
  relaxed: { bytes: 4 * 2 ** 30, ms: 10_000 },
} as const satisfies Record<string, CheckpointInterval>;

/** How much may be lost to a kill, of what comes slowly. */
const TICK_MS = 500;

/** Makes what was received durable every so often, and has it recorded. */
export class Checkpoints {
  readonly #file: WorkingFile;
  readonly #interval: CheckpointInterval;
  readonly #flush: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #bytes: number;
  #lastAt = performance.now();
  #running: Promise<void> | undefined;

  /**
   * @param flush writes what waits for more to come
   * @param onError hears of a checkpoint that failed; the transfer has no further use then
   */
  constructor(
    file: WorkingFile,
    interval: CheckpointInterval,
    flush: () => Promise<void>,
    onError: (error: unknown) => void,
  ) {
    this.#file = file;
    this.#interval = interval;
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
    const isLate = performance.now() - this.#lastAt >= this.#interval.ms;
    const isDue = isLate || bytes - this.#bytes >= this.#interval.bytes;
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
