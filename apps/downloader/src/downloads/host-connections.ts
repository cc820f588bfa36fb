/** How many connections this replica has to each host, and how many more it may make. */
export class HostConnections {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts one more, unless there are enough. */
  tryTake(host: string): boolean {
    const count = this.#counts.get(host) ?? 0;
    if (count >= this.#max) return false;
    this.#counts.set(host, count + 1);
    return true;
  }

  /** Counts one less. */
  giveBack(host: string): void {
    const count = (this.#counts.get(host) ?? 0) - 1;
    if (count > 0) this.#counts.set(host, count);
    else this.#counts.delete(host);
  }

  /** The hosts that are to have no more. */
  get busy(): string[] {
    return [...this.#counts].filter(([, count]) => count >= this.#max).map(([host]) => host);
  }
}
