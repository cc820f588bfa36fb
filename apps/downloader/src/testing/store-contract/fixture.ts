import { onTestFinished } from "vitest";

import type { Download, NewDownload, ResumePoint } from "../../downloads/download.ts";
import type { Claim, ClaimedDownload, DownloadStore, Progress } from "../../downloads/store.ts";
import { emptyPoint, newDownload } from "../new-download.ts";

export const LEASE_MS = 60_000;

/** The store that is to be tested, empty. */
export interface Opened {
  readonly store: DownloadStore;
  /** Opens the same one as another replica would. */
  again(): Promise<DownloadStore>;
  /** Runs SQL behind the store's back. */
  execute(sql: string): Promise<void>;
}

/** Where a transfer is that has a good part of its file. */
export const POINT: ResumePoint = emptyPoint({
  partial: "p",
  durable: [
    { start: 0, end: 4 },
    { start: 8, end: 10 },
  ],
  validator: '"x"',
  total: 20,
  digest: "md5=00",
  name: "n",
  modifiedMs: 3,
});

/** A store and what tests do with it. */
export class Fixture {
  readonly store: DownloadStore;
  readonly #opened: Opened;

  constructor(opened: Opened) {
    this.#opened = opened;
    this.store = opened.store;
    onTestFinished(() => opened.store.close());
  }

  /** Another replica's store. */
  async again(): Promise<DownloadStore> {
    const other = await this.#opened.again();
    onTestFinished(() => other.close());
    return other;
  }

  async insert(changes: Partial<NewDownload> = {}): Promise<string> {
    const [download] = await this.store.insert([newDownload(changes)]);
    return download?.id ?? "";
  }

  /** Puts in one for each, of an owner of its own. */
  async insertFor(owner: string, ...each: Partial<NewDownload>[]): Promise<void> {
    const downloads = await this.store.insert(each.map(newDownload));
    const ids = downloads.map(({ id }) => `'${id}'`).join(", ");
    await this.#opened.execute(`UPDATE downloads SET owner = '${owner}' WHERE id IN (${ids})`);
  }

  async claim(busyHosts: readonly string[] = []): Promise<Claim | undefined> {
    return this.store.claim({ worker: "test", leaseMs: LEASE_MS, busyHosts });
  }

  /** Claims one, and insists. */
  async claimed(): Promise<ClaimedDownload> {
    const claim = await this.claim();
    if (!claim) throw new Error("nothing was claimed");
    return claim.download;
  }

  /** Puts one in and claims it. */
  async running(changes: Partial<NewDownload> = {}): Promise<ClaimedDownload> {
    await this.insert(changes);
    return this.claimed();
  }

  /** As if the leases of all had run out. */
  async expire(): Promise<void> {
    await this.#opened.execute("UPDATE downloads SET lease_until = 1");
  }

  /** As if all had waited long enough. */
  async makeDue(): Promise<void> {
    await this.#opened.execute("UPDATE downloads SET not_before = 1 WHERE not_before > 0");
  }

  async renew(download: Download, progress: Partial<Progress> = {}) {
    const now = { bytes: 0, total: null, speed: 0, connections: 0, ...progress };
    return this.store.renew(new Map([[download, now]]), LEASE_MS);
  }
}

/** What every part of the contract is given: it opens the store, empty. */
export type Open = () => Promise<Fixture>;
