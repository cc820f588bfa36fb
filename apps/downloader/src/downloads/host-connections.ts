/** With so many in all, one more for a download that has one brings nothing but work. */
const MAX_TOTAL = 64;

/** How many connections this replica has to each host, and how many more it may make. */
export class HostConnections {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Counts one more, unless there are enough: to this host, or to all together. */
  tryTake(host: string): boolean {
    if ((this.#counts.get(host) ?? 0) >= this.#max || this.#total >= MAX_TOTAL) return false;
    this.take(host);
    return true;
  }

  /** Counts one more, whatever the limit: for one that nothing can be done without. */
  take(host: string): void {
    this.#counts.set(host, (this.#counts.get(host) ?? 0) + 1);
  }

  /** Counts one less. */
  giveBack(host: string): void {
    const count = (this.#counts.get(host) ?? 0) - 1;
    if (count > 0) this.#counts.set(host, count);
    else this.#counts.delete(host);
  }

  get #total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The hosts that are to have no more. */
  get busy(): string[] {
    return [...this.#counts].filter(([, count]) => count >= this.#max).map(([host]) => host);
  }
}
