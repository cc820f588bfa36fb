import { setTimeout as sleep } from "node:timers/promises";

import { oneOf, type Random } from "./random.ts";
import { startService, type Environment, type Exit, type Service } from "./service.ts";

/** How long a replica may take to answer before another one is asked. */
const ANSWER_LIMIT_MS = 10_000;
const START_TRIES = 20;
const START_PAUSE_MS = 500;

/** A response that came, from whichever replica. */
export interface ReplicaAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Downloaders on one volume, any of which may be killed, started again and put to sleep at any time. */
export class Replicas {
  readonly #env: Environment;
  readonly #random: Random;
  readonly #services: Service[];
  readonly #asleep = new Set<number>();
  /** Every end of a process that nobody here had asked for, with the last lines it logged. */
  readonly crashes: { readonly exit: Exit; readonly log: readonly string[] }[] = [];
  /** How often a replica had to be started again before it listened, as an orchestrator would. */
  failedStarts = 0;

  /** @param random which replica is asked */
  static async start(count: number, env: Environment, random: Random = Math.random): Promise<Replicas> {
    const start = (): Promise<Service> => startService("downloader", env);
    // One after the other would hide what happens when all of them find an empty volume.
    const starts = await Promise.allSettled(Array.from({ length: count }, start));
    const services = starts.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    const failed = starts.find((each) => each.status === "rejected");
    if (failed) {
      await Promise.all(services.map((service) => service.end("SIGKILL")));
      throw failed.reason;
    }
    return new Replicas(env, random, services);
  }

  private constructor(env: Environment, random: Random, services: Service[]) {
    this.#env = env;
    this.#random = random;
    this.#services = services;
    for (const service of services) this.#watch(service);
  }

  get count(): number {
    return this.#services.length;
  }

  get asleep(): ReadonlySet<number> {
    return this.#asleep;
  }

  /** One of them as it runs now. */
  at(index: number): Service {
    const service = this.#services[index];
    if (!service) throw new Error(`there is no replica ${index}`);
    return service;
  }

  /** `kill -9`, and another one in its place. */
  async replace(index: number): Promise<void> {
    await this.kill(index);
    for (let tries = 1; ; tries++) {
      try {
        const service = await startService("downloader", this.#env);
        this.#services[index] = service;
        return this.#watch(service);
      } catch (error) {
        if (tries === START_TRIES) throw error;
        this.failedStarts++;
        await sleep(START_PAUSE_MS);
      }
    }
  }

  /** `kill -9`, and nothing in its place. */
  async kill(index: number): Promise<void> {
    const service = this.at(index);
    this.#expected.add(service);
    this.#asleep.delete(index);
    await service.end("SIGKILL");
  }

  /** Puts it to sleep; {@link wake} ends that, or its end. */
  sleep(index: number): void {
    process.kill(this.at(index).pid, "SIGSTOP");
    this.#asleep.add(index);
  }

  wake(index: number): void {
    if (this.#asleep.delete(index)) process.kill(this.at(index).pid, "SIGCONT");
  }

  /** Sends a request to one that is awake, and to others until one of them answers as it should. */
  async request(method: string, path: string, body?: unknown, headers = {}): Promise<ReplicaAnswer> {
    let last = "";
    for (let tries = 0; tries < 60; tries++) {
      const awake = this.#services.filter((_, index) => !this.#asleep.has(index));
      if (awake.length > 0) {
        const answer = await ask(oneOf(this.#random, awake).url + path, method, body, headers);
        if (typeof answer !== "string") return answer;
        last = answer;
      }
      await sleep(250);
    }
    throw new Error(`${method} ${path}: no replica answers: ${last}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#services.map((_, index) => this.kill(index)));
  }

  readonly #expected = new WeakSet<Service>();

  #watch(service: Service): void {
    void service.exited.then((exit) => {
      if (!this.#expected.has(service)) this.crashes.push({ exit, log: service.log.slice(-20) });
    });
  }
}

/** The answer, or why there is none that counts: the replica has died, sleeps, or has lost its store. */
async function ask(
  url: string,
  method: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<ReplicaAnswer | string> {
  try {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    const text = await response.text();
    if (response.status >= 500) return `${response.status} ${text}`;
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  } catch (error) {
    return String(error);
  }
}
