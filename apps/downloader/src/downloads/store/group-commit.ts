/**
 * Makes durable what was written, for any number of writers at once: whoever asks is served by the next run that
 * begins after it has asked, and there is one run at a time.
 */
export class GroupCommit {
  readonly #flush: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }

  /** Resolves once everything that was written before the call is durable. */
  wait(): Promise<void> {
    return (this.#next ??= this.#begin());
  }

  async #begin(): Promise<void> {
    await this.#running.catch(() => {}); // whoever waited for that run has been told
    this.#next = undefined;
    return (this.#running = this.#flush());
  }
}
