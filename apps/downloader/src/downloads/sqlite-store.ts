import { randomUUID } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { BusyError, fromSystem } from "@wharf/volume";

import { STATES, type Download, type Failure, type NewDownload, type ResumePoint } from "./download.ts";
import { number, text, textOrNull, toDownload, type Row } from "./sqlite-row.ts";
import { migrate } from "./sqlite-schema.ts";
import { SQL } from "./sqlite-statements.ts";
import type {
  Claim,
  ClaimRequest,
  DownloadPage,
  DownloadStore,
  Lease,
  ListRequest,
  PartialOwner,
  Progress,
  Stats,
} from "./store.ts";

/** How long a statement waits for another process's transaction; ours are all short. */
const BUSY_TIMEOUT_MS = 5_000;
const SQLITE_BUSY = 5;

export interface SqliteStoreOptions {
  /** The database; it and its directory are made when missing. */
  readonly file: string;
  /** True: what was written survives a power cut. */
  readonly isDurable: boolean;
}

/**
 * The downloads in one table of SQLite, shared by every process of one machine. In WAL mode readers and the one writer
 * do not wait for each other; the clock is the machine's, so all leases are measured alike.
 */
export class SqliteStore implements DownloadStore {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens the database, and brings its schema up to date. */
  static async open({ file, isDurable }: SqliteStoreOptions): Promise<SqliteStore> {
    await mkdir(dirname(file), { recursive: true });
    const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
    await useWriteAheadLog(database);
    database.exec(`PRAGMA synchronous = ${isDurable ? "FULL" : "NORMAL"}`);
    migrate(database);
    return new SqliteStore(file, database);
  }

  private constructor(file: string, database: DatabaseSync) {
    this.#file = file;
    this.#database = database;
  }

  async insert(downloads: readonly NewDownload[]): Promise<Download[]> {
    const now = Date.now();
    return this.#transaction(() =>
      downloads.flatMap((each) => {
        const { headers, notBefore, ...columns } = each;
        const row = this.#get(SQL.insert, {
          ...columns,
          id: randomUUID(),
          headers: JSON.stringify(headers),
          notBefore: notBefore ?? 0,
          now,
        });
        return row ? toDownload(row) : [];
      }),
    );
  }

  async get(id: string): Promise<Download | undefined> {
    const row = this.#get(SQL.get, { id });
    return row && toDownload(row);
  }

  async list({ state, search, limit, before }: ListRequest): Promise<DownloadPage> {
    const rows = this.#all(state === undefined ? SQL.list : SQL.listByState, {
      ...(state !== undefined && { state }),
      pattern: search === undefined ? null : likePattern(search),
      before: before ?? Number.MAX_SAFE_INTEGER,
      limit: limit + 1,
    });
    const downloads = rows.slice(0, limit).map(toDownload);
    return { downloads, next: rows.length > limit ? downloads.at(-1)?.sequence : undefined };
  }

  async stats(): Promise<Stats> {
    const counts = new Map(
      this.#all(SQL.countByState).map((row) => [text(row, "state"), number(row, "count")]),
    );
    const sums = this.#get(SQL.sums, { now: Date.now() }) ?? {};
    return {
      states: Object.fromEntries(STATES.map((state) => [state, counts.get(state) ?? 0])) as Stats["states"],
      bytes: number(sums, "bytes"),
      speed: number(sums, "speed"),
    };
  }

  async remove(id: string): Promise<Download | undefined> {
    const row = this.#get(SQL.remove, { id });
    return row && toDownload(row);
  }

  async claim({ worker, leaseMs, busyHosts }: ClaimRequest): Promise<Claim | undefined> {
    const now = Date.now();
    const row = this.#get(SQL.claim, {
      now,
      worker,
      leaseUntil: now + leaseMs,
      busyHosts: JSON.stringify(busyHosts),
    });
    return row && { download: toDownload(row), isTakenOver: number(row, "taken_over") === 1 };
  }

  async renew(held: ReadonlyMap<Lease, Progress>, leaseMs: number): Promise<Lease[]> {
    const leaseUntil = Date.now() + leaseMs;
    return this.#transaction(() =>
      [...held]
        .filter(([lease, progress]) => !this.#write(SQL.renew, lease, { ...progress, leaseUntil }))
        .map(([lease]) => lease),
    );
  }

  async record(lease: Lease, point: ResumePoint): Promise<boolean> {
    return this.#write(SQL.record, lease, { ...point });
  }

  async offer(lease: Lease, candidate: string): Promise<boolean> {
    return this.#write(SQL.offer, lease, { candidate });
  }

  async complete(lease: Lease, file: string, bytes: number): Promise<boolean> {
    return this.#write(SQL.complete, lease, { file, bytes, now: Date.now() });
  }

  async fail(lease: Lease, { code, detail }: Failure): Promise<boolean> {
    return this.#write(SQL.fail, lease, { code, detail, now: Date.now() });
  }

  async retry(
    lease: Lease,
    { code, detail }: Failure,
    { afterMs, failures }: { afterMs: number; failures: number },
  ): Promise<boolean> {
    return this.#write(SQL.retry, lease, { code, detail, failures, notBefore: Date.now() + afterMs });
  }

  async release(lease: Lease): Promise<boolean> {
    return this.#write(SQL.release, lease, {});
  }

  async unfinished(ids: readonly string[]): Promise<PartialOwner[]> {
    return this.#all(SQL.unfinished, { ids: JSON.stringify(ids) }).map((row) => ({
      id: text(row, "id"),
      epoch: number(row, "epoch"),
      partial: textOrNull(row, "partial"),
    }));
  }

  async check(): Promise<void> {
    // A database whose file was removed goes on working, for this process alone.
    await stat(this.#file);
    this.#get(SQL.probe);
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }

  /** Runs a write that only the holder of a lease may make; tells whether it was. */
  #write(sql: string, { id, epoch }: Lease, values: Values): boolean {
    return translated(() => this.#prepare(sql).run({ ...values, id, epoch }).changes) === 1;
  }

  #get(sql: string, values: Values = {}): Row | undefined {
    return translated(() => this.#prepare(sql).get(values));
  }

  #all(sql: string, values: Values = {}): Row[] {
    return translated(() => this.#prepare(sql).all(values));
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #transaction<T>(work: () => T): T {
    translated(() => this.#database.exec("BEGIN IMMEDIATE"));
    try {
      const result = work();
      translated(() => this.#database.exec("COMMIT"));
      return result;
    } catch (error) {
      // A full disk ends the transaction by itself.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }
}

type Values = Record<string, string | number | null>;

/** What SQLite says of the disk, in the volume's words. */
function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isBusy(error) ? new BusyError() : fromSystem(error, "the database");
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

/** Changing the mode needs the file alone for a moment, and SQLite does not wait for that by itself. */
async function useWriteAheadLog(database: DatabaseSync): Promise<void> {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      return database.exec("PRAGMA journal_mode = WAL");
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      await sleep(10 + Math.random() * 20);
    }
  }
}

/** A pattern that finds `part` anywhere, its own `%` and `_` taken literally. */
function likePattern(part: string): string {
  return `%${part.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}
