/**
 * Starts one thing after the other, for as long as there is one to start, and begins again when it is told that there
 * may be more: also when it is told so while it is about to stop.
 */
export class Refill {
  readonly #startNext: () => Promise<boolean>;
  readonly #onError: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #isWanted = false;

  /**
   * @param startNext resolves to false when there is nothing to start, or no room
   * @param onError hears why something could not be started; it is tried again the next time
   */
  constructor(startNext: () => Promise<boolean>, onError: (error: unknown) => void) {
    this.#startNext = startNext;
    this.#onError = onError;
  }

  /** There may be something to start; returns at once. */
  wake(): void {
    this.#isWanted = true;
    this.#running ??= this.#run()
      .catch(this.#onError)
      .finally(() => (this.#running = undefined));
  }

  async #run(): Promise<void> {
    while (this.#isWanted) {
      this.#isWanted = false;
      while (await this.#startNext()) {
        // One more was started; there may be room for another.
      }
    }
  }

  /** Resolves when nothing is being started. */
  async settled(): Promise<void> {
    await this.#running;
  }
}
