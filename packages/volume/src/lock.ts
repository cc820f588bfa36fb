import { closeSync, existsSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

import { BusyError } from "./errors.ts";

const SQLITE_BUSY = 5;
const WAIT_LIMIT_MS = 30_000;
/** With its rollback journal in memory, or each turn would make and remove a file beside the lock. */
const LOCK = "PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE";

/**
 * A lock between processes that the kernel lets go of when its holder dies, however it dies.
 *
 * Node offers no `flock`; SQLite takes POSIX record locks on its database file, which hold between containers on one
 * node and, where the file system has them (NFS 4, CephFS), between nodes. The database stays empty.
 */
export class KernelLock {
  readonly #file: string;
  readonly #waitLimitMs: number;
  #database: DatabaseSync | undefined;
  /** The tail of this process's own queue: record locks do not separate callers within one process. */
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param file made when missing; its directory must exist
   * @param waitLimitMs how long {@link run} waits for another process
   */
  constructor(file: string, waitLimitMs = WAIT_LIMIT_MS) {
    this.#file = file;
    this.#waitLimitMs = waitLimitMs;
  }

  /** Takes the lock if it is free, and holds it until {@link close} or the end of this process. */
  tryHold(): boolean {
    this.#database ??= openDatabase(this.#file);
    try {
      this.#database.exec(LOCK);
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      // Opened anew next time: on a disk that was read-only then, this connection would stay so.
      this.close();
      throw error;
    }
  }

  /**
   * Runs `work` alone among all processes that use this file.
   *
   * @throws {BusyError} when the lock could not be had in time, 30 seconds unless told otherwise
   */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      await this.#acquire();
      try {
        return await work();
      } finally {
        this.#database?.exec("ROLLBACK");
      }
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #acquire(): Promise<void> {
    const deadline = performance.now() + this.#waitLimitMs;
    while (!this.tryHold()) {
      if (performance.now() > deadline) throw new BusyError();
      await sleep(1 + Math.random() * 2);
    }
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}

/** @throws the system's error when the file cannot be made */
function openDatabase(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    if (existsSync(file)) throw error;
  }
  // SQLite does not say why; the system does. Only for a file that is missing: closing one that another lock of this
  // process has open would free that lock.
  closeSync(openSync(file, "wx"));
  return new DatabaseSync(file, { timeout: 0 });
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}
