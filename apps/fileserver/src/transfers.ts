import { HttpError } from "@wharf/service";

/** Counts the transfers that are open in this process, and refuses those past a limit. */
export class Transfers {
  readonly #limit: number;
  #open = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Begins a transfer, which ends when what is returned is disposed of.
   *
   * @throws {HttpError} 503 `TOO_MANY_TRANSFERS` at the limit
   */
  begin(): Disposable {
    if (this.#open >= this.#limit) {
      throw new HttpError(503, "TOO_MANY_TRANSFERS", "Too many transfers are running; try again shortly.", {
        headers: { "retry-after": "1" },
      });
    }
    this.#open++;
    return { [Symbol.dispose]: () => void this.#open-- };
  }
}
