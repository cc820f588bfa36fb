import { setTimeout as sleep } from "node:timers/promises";

import { Client, type ClientConfig } from "pg";

const RECONNECT_MS = 1_000;
/** Notifications come in bursts; one call answers all of a moment. */
const GATHER_MS = 20;

/** Hears of what others have changed, on a connection of its own that is made again whenever it is lost. */
export class PostgresListener {
  readonly #config: ClientConfig;
  readonly #listeners: (() => void)[] = [];
  #client: Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #closing = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(config: ClientConfig) {
    this.#config = config;
  }

  add(listener: () => void): void {
    this.#listeners.push(listener);
    this.#loop ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => {}); // its connection may be broken, which is as good as ended
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#listen().catch(() => {}); // who listens looks from time to time all the same
      await sleep(RECONNECT_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** Resolves when the connection is lost. */
  async #listen(): Promise<void> {
    const client = new Client(this.#config);
    this.#client = client;
    const ended = new Promise<void>((resolve) => {
      client.on("error", () => resolve());
      client.on("end", () => resolve());
    });
    try {
      await client.connect();
      client.on("notification", ({ payload }) => {
        if (payload !== this.#config.application_name) this.#gather();
      });
      await client.query("LISTEN downloads");
      this.#gather(); // for what was missed
      await ended;
    } finally {
      await client.end().catch(() => {}); // as above
    }
  }

  #gather(): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const listener of this.#listeners) listener();
    }, GATHER_MS).unref();
  }
}
