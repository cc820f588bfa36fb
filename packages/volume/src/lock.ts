import { accessSync, closeSync, constants, existsSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

import { BusyError, errno } from "./errors.ts";
import { makeIfMissing } from "./state-folder.ts";

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
  /** The file that is open; another may have its name by now. */
  #inode: bigint | undefined;
  /** The tail of this process's own queue: record locks do not separate callers within one process. */
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * @param file made when missing
   * @param waitLimitMs how long {@link run} waits for another process
   */
  constructor(file: string, waitLimitMs = WAIT_LIMIT_MS) {
    this.#file = file;
    this.#waitLimitMs = waitLimitMs;
  }

  /**
   * Takes the lock if it is free, and holds it until {@link close} or the end of this process.
   *
   * @throws the system's error when the file cannot be made or written
   */
  tryHold(): boolean {
    this.#database ??= this.#open();
    if (!this.#database) return false;
    try {
      this.#database.exec(LOCK);
    } catch (error) {
      if (isBusy(error)) return false;
      this.close(); // opened anew next time
      throw error;
    }
    // One that was removed or replaced since is not what the others hold.
    if (inodeOf(this.#file) === this.#inode) return true;
    this.close();
    return false;
  }

  /**
   * SQLite does not say why it cannot open a file, and one that may only be read it opens all the same: its locks then
   * keep nobody out. So the file is made and tried for writing first. It is never opened here when it exists: closing
   * it would free the locks that others in this process have on it. Undefined when it was removed meanwhile.
   */
  #open(): DatabaseSync | undefined {
    try {
      closeSync(openSync(this.#file, "wx"));
    } catch (error) {
      if (errno(error) !== "EEXIST") throw error;
    }
    try {
      accessSync(this.#file, constants.W_OK);
      this.#inode = inodeOf(this.#file);
      const url = pathToFileURL(this.#file);
      url.searchParams.set("mode", "rw"); // and do not make it
      return new DatabaseSync(url, { timeout: 0 });
    } catch (error) {
      if (existsSync(this.#file)) throw error;
      return undefined;
    }
  }

  /**
   * Runs `work` alone among all processes that use this file. The folder it stands in is made when missing.
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
    for (;;) {
      if (!this.#database) await makeIfMissing(dirname(this.#file));
      if (this.tryHold()) return;
      if (performance.now() > deadline) throw new BusyError();
      await sleep(1 + Math.random() * 2);
    }
  }

  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }
}

function inodeOf(file: string): bigint | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino;
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}
