/** How much of a pause may be made up for: longer than a timer is late, shorter than a person notices. */
const BURST_MS = 200;

/** Counts bytes against a rate, at whatever time it is told; who takes more than there is goes into debt. */
export class TokenBucket {
  #rate: number | null;
  #atMs: number;
  /** Bytes that may be taken now; what is below zero has been taken already, and is paid for by waiting. */
  #balance: number;

  /** @param rate bytes a second; null for no limit */
  constructor(rate: number | null, nowMs: number) {
    this.#rate = rate;
    this.#atMs = nowMs;
    this.#balance = burstOf(rate);
  }

  /** Takes bytes, and returns how many milliseconds later they will have been paid for. */
  take(bytes: number, nowMs: number): number {
    if (this.#rate === null) return 0;
    this.#fill(nowMs);
    this.#balance -= bytes;
    return this.waitFor(0, nowMs);
  }

  /** How long until all but the `later` bytes that were taken last have been paid for. */
  waitFor(later: number, nowMs: number): number {
    if (this.#rate === null) return 0;
    this.#fill(nowMs);
    return Math.max(0, (-this.#balance - later) / this.#rate) * 1000;
  }

  /** From now on at another rate; a debt stays, unless there is no limit any more. */
  setRate(rate: number | null, nowMs: number): void {
    this.#fill(nowMs);
    this.#balance = Math.min(this.#balance, burstOf(rate));
    if (this.#rate === null || rate === null) this.#balance = burstOf(rate);
    this.#rate = rate;
  }

  #fill(nowMs: number): void {
    const rate = this.#rate ?? 0;
    const earned = ((nowMs - this.#atMs) / 1000) * rate;
    this.#balance = Math.min(burstOf(rate), this.#balance + earned);
    this.#atMs = nowMs;
  }
}

function burstOf(rate: number | null): number {
  return ((rate ?? 0) * BURST_MS) / 1000;
}

/** A clock, in milliseconds. */
export type Clock = () => number;

interface Waiter {
  /** All that had been taken when it came. */
  readonly position: number;
  readonly resume: () => void;
}

/**
 * Slows down whoever shares it to so many bytes a second in all. Chunks are paid for after they have come, in the order
 * they came in: whoever waits for one has none of the others' turns.
 */
export class SpeedLimiter {
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #waiters: Waiter[] = [];
  #rate: number | null;
  #taken = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param rate bytes a second; null for no limit */
  constructor(rate: number | null, clock: Clock = () => performance.now()) {
    this.#clock = clock;
    this.#rate = rate;
    this.#bucket = new TokenBucket(rate, clock());
  }

  /**
   * Counts a chunk that has come. A promise, which never rejects, asks for a pause until it resolves; whoever does not
   * care any more may forget it.
   */
  take(bytes: number): Promise<void> | undefined {
    if (this.#rate === null) return undefined;
    this.#taken += bytes;
    if (this.#bucket.take(bytes, this.#clock()) === 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ position: this.#taken, resume: resolve });
    this.#arm();
    return promise;
  }

  /** Changes the rate, also for those who wait. */
  setRate(rate: number | null): void {
    if (rate === this.#rate) return;
    this.#rate = rate;
    this.#bucket.setRate(rate, this.#clock());
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#resume();
  }

  readonly #resume = (): void => {
    this.#timer = undefined;
    const paid = this.#waiters.findIndex((waiter) => this.#waitOf(waiter) > 0);
    for (const { resume } of this.#waiters.splice(0, paid < 0 ? Infinity : paid)) resume();
    this.#arm();
  };

  /** One timer, for whoever has waited longest. It keeps no process from ending. */
  #arm(): void {
    const [first] = this.#waiters;
    if (!first || this.#timer) return;
    const delayMs = Math.min(Math.ceil(this.#waitOf(first)), 2 ** 31 - 1);
    this.#timer = setTimeout(this.#resume, delayMs).unref();
  }

  #waitOf({ position }: Waiter): number {
    return this.#bucket.waitFor(this.#taken - position, this.#clock());
  }
}
