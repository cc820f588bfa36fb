import { setTimeout as sleep } from "node:timers/promises";

import { wholeNumber, type Random } from "./random.ts";
import type { Replicas } from "./replicas.ts";

export interface ChaosOptions {
  readonly everyMs: number;
  /** How long a replica that is put to sleep stays so. */
  readonly asleepMs: number;
  /** The most that sleep at once; one that would be one too many is killed. */
  readonly maxAsleep: number;
  readonly random: Random;
}

/** Kills replicas, and puts them to sleep, until it is ended. */
export class Chaos {
  readonly #replicas: Replicas;
  readonly #options: ChaosOptions;
  readonly #end = new AbortController();
  readonly #done: Promise<void>;
  readonly #naps = new Map<number, NodeJS.Timeout>();
  kills = 0;
  sleeps = 0;

  constructor(replicas: Replicas, options: ChaosOptions) {
    this.#replicas = replicas;
    this.#options = options;
    this.#done = this.#run();
  }

  /** Leaves all of them running and awake. */
  async end(): Promise<void> {
    this.#end.abort();
    await this.#done;
    for (const index of this.#naps.keys()) this.#wake(index);
  }

  async #run(): Promise<void> {
    const { random } = this.#options;
    await this.#pause();
    while (!this.#end.signal.aborted) {
      // What it takes to start another one is no reprieve.
      await Promise.all([this.#pause(), this.#strike(wholeNumber(random, this.#replicas.count))]);
    }
  }

  async #pause(): Promise<void> {
    const { signal } = this.#end;
    await sleep(this.#options.everyMs, undefined, { signal }).catch(() => undefined); // it is to end
  }

  async #strike(index: number): Promise<void> {
    const { asleepMs, maxAsleep, random } = this.#options;
    const canSleep = !this.#naps.has(index) && this.#naps.size < maxAsleep;
    if (canSleep && random() < 0.5) {
      this.sleeps++;
      this.#replicas.sleep(index);
      this.#naps.set(
        index,
        setTimeout(() => this.#wake(index), asleepMs),
      );
      return;
    }
    this.kills++;
    clearTimeout(this.#naps.get(index));
    this.#naps.delete(index);
    await this.#replicas.replace(index);
  }

  #wake(index: number): void {
    clearTimeout(this.#naps.get(index));
    this.#naps.delete(index);
    this.#replicas.wake(index);
  }
}
