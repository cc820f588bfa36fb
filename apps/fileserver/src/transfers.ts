import { HttpError } from "@wharf/service";

/** One that is open, until it is ended or disposed of. */
export interface Transfer extends Disposable {
  /** Lets another begin; again, it does nothing. */
  end(): void;
}

/** Counts the transfers that are open in this process, and refuses those past a limit. */
export class Transfers {
  readonly #limit: number;
  #open = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Begins a transfer.
   *
   * @throws {HttpError} 503 `TOO_MANY_TRANSFERS` at the limit
   */
  begin(): Transfer {
    if (this.#open >= this.#limit) {
      throw new HttpError(503, "TOO_MANY_TRANSFERS", "Too many transfers are running; try again shortly.", {
        headers: { "retry-after": "1" },
      });
    }
    this.#open++;
    let isOpen = true;
    const end = (): void => {
      if (isOpen) this.#open--;
      isOpen = false;
    };
    return { end, [Symbol.dispose]: end };
  }
}
