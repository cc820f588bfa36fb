import { mkdir, open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { BusyError, fromSystem } from "@wharf/volume";

import { TakenError, type Database, type Row, type Statement, type Values } from "./database.ts";
import { SQLITE } from "./dialects.ts";
import { GroupCommit } from "./group-commit.ts";
import { SQLITE_MIGRATIONS } from "./sqlite-schema.ts";

/** How long a statement waits for other processes' writes; they are all short, unless one was stopped in the middle. */
const BUSY_TIMEOUT_MS = 30_000;
const SQLITE_BUSY = 5;
const SQLITE_CONSTRAINT_UNIQUE = 2067;

export interface SqliteOptions {
  /** The database; it and its directory are made when missing. */
  readonly file: string;
  /** True: what was written survives a power cut. */
  readonly isDurable: boolean;
}

/**
 * A database of SQLite, shared by every process of one machine. In WAL mode readers and the one writer do not wait for
 * each other.
 *
 * With `synchronous = NORMAL` a commit does not wait for the disk, and so no other process waits for this one's disk.
 * The log's frames carry checksums: after a power cut it is valid up to where it was synced. So what has to be durable
 * is, once the log has been synced after its commit; one sync serves all that were written before it.
 */
export class SqliteDatabase implements Database {
  readonly dialect = SQLITE;
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #commit: GroupCommit | undefined;
  readonly #log: FileHandle | undefined;

  /** Opens the database, and brings its schema up to date. */
  static async open({ file, isDurable }: SqliteOptions): Promise<SqliteDatabase> {
    await mkdir(dirname(file), { recursive: true });
    const database = new DatabaseSync(file, { timeout: 0 });
    try {
      await patiently(() => database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"));
      await patiently(() => migrate(database));
      if (isDurable) await syncNames(file);
      // It stays the same file for as long as anybody has the database open.
      return new SqliteDatabase(file, database, isDurable ? await open(`${file}-wal`, "r") : undefined);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  private constructor(file: string, database: DatabaseSync, log: FileHandle | undefined) {
    this.#file = file;
    this.#database = database;
    this.#log = log;
    this.#commit = log && new GroupCommit(() => syncLog(log));
  }

  async query({ sql, survives }: Statement, values: Values = {}): Promise<readonly Row[]> {
    const rows = await patiently(() => this.#prepare(sql).all(values));
    // What else might forget it, the end of the machine, ends all that might act upon it.
    if (survives === "power-cut") await this.#commit?.wait();
    return rows;
  }

  /** SQLite does not tell. */
  onChange(): void {}

  async check(): Promise<void> {
    // A database whose file was removed goes on working, for this process alone.
    await stat(this.#file);
    await this.query({ sql: "SELECT 1 FROM downloads LIMIT 1" });
  }

  async close(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
    await this.#log?.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#database.prepare(sql);
    statement.setAllowUnknownNamedParameters(true);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/**
 * Does something that another process may be in the way of, as often as it takes. SQLite itself would wait with this
 * process's only thread.
 */
async function patiently<T>(work: () => T): Promise<T> {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 20)) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error)) throw isTaken(error) ? new TakenError() : fromSystem(error, "the database");
      if (performance.now() > deadline) throw new BusyError();
    }
    await sleep(Math.random() * pauseMs);
  }
}

function isBusy(error: unknown): boolean {
  return (errcode(error) & 0xff) === SQLITE_BUSY;
}

function isTaken(error: unknown): boolean {
  return errcode(error) === SQLITE_CONSTRAINT_UNIQUE;
}

function errcode(error: unknown): number {
  return error instanceof Error && "errcode" in error ? Number(error.errcode) : 0;
}

/** Brings the schema up to date. Of replicas that start together one does it, and the others find it done. */
function migrate(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = Number(database.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
    for (const statements of SQLITE_MIGRATIONS.slice(version)) database.exec(statements);
    if (version < SQLITE_MIGRATIONS.length)
      database.exec(`PRAGMA user_version = ${SQLITE_MIGRATIONS.length}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK"); // a full disk ends it by itself
    throw error;
  }
}

async function syncLog(log: FileHandle): Promise<void> {
  try {
    await log.datasync();
  } catch (error) {
    throw fromSystem(error, "the database");
  }
}

/** A power cut must not take the new files' names. */
async function syncNames(file: string): Promise<void> {
  const directory = await open(dirname(file), "r");
  await directory.sync();
  await directory.close();
}
