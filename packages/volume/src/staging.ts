import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import { errno, unless } from "./errors.ts";
import { KernelLock } from "./lock.ts";
import { makeStateFolder } from "./state-folder.ts";
import { open } from "./system.ts";
import { removeTree } from "./tree.ts";

const { O_CREAT, O_EXCL, O_RDWR } = constants;
const LOCK_SUFFIX = ".lock";

/**
 * Where files are written before they are published.
 *
 * Each process has a folder of its own there, and holds a lock beside it for as long as it lives: `<id>.lock`, taken
 * before `<id>/` is made. A folder whose lock can be had belonged to a process that is dead, whatever its process id
 * was and whichever container or node it ran on; only such folders are swept. Age proves nothing, and is not asked.
 */
export class Staging {
  readonly #directory: string;
  readonly #strayAgeMs: number;
  #own: Promise<OwnFolder> | undefined;
  readonly #forgotten: Promise<OwnFolder>[] = [];

  /**
   * @param directory made when first needed, in one that may be made with it
   * @param strayAgeMs how old a lock file without a folder must be before it is removed: its process may just be
   * about to make the folder
   */
  constructor(directory: string, strayAgeMs: number) {
    this.#directory = directory;
    this.#strayAgeMs = strayAgeMs;
  }

  /** Makes a new, empty file in this process's folder, open for reading and writing. */
  create(): Promise<{ fd: number; path: string }> {
    return this.#inOwnFolder(async (path) => ({
      fd: await open(path, O_RDWR | O_CREAT | O_EXCL, 0o666),
      path,
    }));
  }

  /** Makes a new, empty directory in this process's folder, for another to be moved over it. */
  reserve(): Promise<string> {
    return this.#inOwnFolder(async (path) => {
      await mkdir(path);
      return path;
    });
  }

  /** What this process is known by here, as long as it lives. */
  async holder(): Promise<string> {
    return basename((await this.#claim()).path);
  }

  /** Whether the process that had this {@link holder} name has ended, and can write nothing any more. */
  async isDead(holder: string): Promise<boolean> {
    const own = await this.#own?.catch(() => undefined);
    if (own && holder === basename(own.path)) return false;
    const path = join(this.#directory, holder);
    // Its folder is removed by itself at its end, or by others who have had its lock.
    if (!(await stat(path).catch(unless("ENOENT")))) return true;
    const lock = new KernelLock(path + LOCK_SUFFIX);
    try {
      return lock.tryHold();
    } finally {
      lock.close();
    }
  }

  async #inOwnFolder<T>(make: (path: string) => Promise<T>): Promise<T> {
    const own = this.#claim();
    try {
      return await make(freeName(await own));
    } catch (error) {
      if (errno(error) !== "ENOENT") throw error;
    }
    // The folder is gone: the volume was emptied or mounted anew beneath us. Begin again there.
    if (this.#own === own) this.#forget();
    return make(freeName(await this.#claim()));
  }

  #claim(): Promise<OwnFolder> {
    this.#own ??= claimFolder(this.#directory).catch((error: unknown) => {
      this.#own = undefined;
      throw error;
    });
    return this.#own;
  }

  #forget(): void {
    // It says that this process lives, to those who find files that it may still be writing to elsewhere.
    if (this.#own) this.#forgotten.push(this.#own);
    this.#own = undefined;
  }

  /** Removes what dead processes left behind. Returns how many folders that were. */
  async sweep(): Promise<number> {
    const found = await readdir(this.#directory, { withFileTypes: true }).catch(unless("ENOENT"));
    const entries = found ?? [];
    const folders = new Set(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name));
    const own = await this.#own?.catch(() => undefined);
    let swept = 0;
    for (const folder of folders) {
      // Its own it need not try: SQLite would keep what it opened there until the lock is free.
      if (own && folder === basename(own.path)) continue;
      if (await this.#sweepFolder(folder)) swept++;
    }
    for (const { name } of entries) {
      const owner = name.slice(0, -LOCK_SUFFIX.length);
      if (name.endsWith(LOCK_SUFFIX) && !folders.has(owner)) await this.#sweepStrayLock(name);
    }
    return swept;
  }

  async #sweepFolder(folder: string): Promise<boolean> {
    const path = join(this.#directory, folder);
    const lockFile = path + LOCK_SUFFIX;
    const lock = new KernelLock(lockFile);
    try {
      if (!lock.tryHold()) return false;
      await removeTree(path);
      await rm(lockFile, { force: true });
      return true;
    } finally {
      lock.close();
    }
  }

  async #sweepStrayLock(name: string): Promise<void> {
    const path = join(this.#directory, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age < this.#strayAgeMs) return;
    const lock = new KernelLock(path);
    if (lock.tryHold()) await rm(path, { force: true });
    lock.close();
  }

  /** Gives up this process's folder, and removes it with what is still in it. */
  async close(): Promise<void> {
    const own = await this.#own?.catch(() => undefined);
    this.#own = undefined;
    for (const { lock } of await Promise.all(this.#forgotten)) lock.close();
    if (!own) return;
    own.lock.close();
    // A volume that has gone or cannot be written keeps nobody from ending; another process sweeps.
    await this.#sweepFolder(basename(own.path)).catch(() => false);
  }
}

interface OwnFolder {
  readonly path: string;
  readonly lock: KernelLock;
}

async function claimFolder(directory: string): Promise<OwnFolder> {
  await makeStateFolder(directory);
  for (;;) {
    const path = join(directory, randomBytes(8).toString("hex"));
    const lock = new KernelLock(path + LOCK_SUFFIX);
    if (lock.tryHold()) {
      await mkdir(path);
      return { path, lock };
    }
    lock.close();
  }
}

function freeName(folder: OwnFolder): string {
  return join(folder.path, randomBytes(12).toString("hex"));
}
