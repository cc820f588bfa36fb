import { constants } from "node:fs";
import { mkdir, realpath } from "node:fs/promises";

import { unless } from "./errors.ts";
import { close, fstat, fsync, open } from "./system.ts";

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
/** Twice the time in which Linux, left to itself, writes what has changed (`vm.dirty_expire_centisecs`, 30 s). */
const YOUNG_MS = 60_000;
const hasDescriptorPaths = process.platform === "linux";

/**
 * An open directory, and the only way to name what is in it.
 *
 * On Linux `at(name)` is `/proc/self/fd/N/name`: the kernel starts from the open descriptor, so a directory that is
 * renamed away, or swapped for a symbolic link, after it was opened changes nothing. Node has no `openat`; this is the
 * same guarantee. Elsewhere (macOS, for contributors) each step is compared with its real path, which is weaker: a
 * swap between the comparison and the use is not seen.
 */
export class Directory implements AsyncDisposable {
  readonly fd: number;
  readonly #base: string;
  #isOpen = true;

  private constructor(fd: number, path: string) {
    this.fd = fd;
    this.#base = hasDescriptorPaths ? `/proc/self/fd/${fd}` : path;
  }

  /** Opens the directory at an absolute path of the system; symbolic links in it are the operator's and followed. */
  static async open(path: string): Promise<Directory> {
    const fd = await open(path, O_RDONLY | O_DIRECTORY);
    try {
      return new Directory(fd, await realpath(path));
    } catch (error) {
      await close(fd);
      throw error;
    }
  }

  /** A path for one file-system call on `name` in this directory. */
  at(name: string): string {
    return `${this.#base}/${name}`;
  }

  /** A path for reading this directory itself. */
  get path(): string {
    return this.#base;
  }

  /**
   * Opens the directory `name` in this one; a symbolic link is not followed.
   *
   * @throws the system's error: `ENOENT`, or `ENOTDIR` for a file or a symbolic link
   */
  async child(name: string): Promise<Directory> {
    const path = this.at(name);
    const fd = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      if (!hasDescriptorPaths && (await realpath(path)) !== path) {
        throw Object.assign(new Error(`${name} is not where it seems to be`), { code: "ENOTDIR" });
      }
      return new Directory(fd, path);
    } catch (error) {
      await close(fd);
      throw error;
    }
  }

  /**
   * Opens the directory that `names` lead to, each opened from the one before.
   *
   * @param create makes what is missing on the way; `durable` then also syncs each directory that gained an entry,
   * now or within the last minute
   */
  async descend(names: readonly string[], create?: { durable: boolean }): Promise<Directory> {
    const step = (from: Directory, name: string): Promise<Directory> =>
      create ? from.#childOrNew(name, create.durable) : from.child(name);
    const [first, ...rest] = names;
    if (first === undefined) return this.#again();
    let current = await step(this, first);
    for (const name of rest) {
      await using parent = current;
      current = await step(parent, name);
    }
    return current;
  }

  async #childOrNew(name: string, durable: boolean): Promise<Directory> {
    const found = await this.child(name).catch(unless("ENOENT"));
    if (!found) await mkdir(this.at(name)).catch(unless("EEXIST"));
    const child = found ?? (await this.child(name));
    try {
      // Also when another process made it: it may not have synced it yet.
      if (durable && (!found || (await child.#isYoung()))) await this.sync();
      return child;
    } catch (error) {
      await child.close();
      throw error;
    }
  }

  /**
   * Whether it was made so lately that its entry may not be on the disk. Judged by its birth where the file system
   * knows it: the change time, which is never before, is that of its last entry, and a folder in use is never old.
   */
  async #isYoung(): Promise<boolean> {
    const { birthtimeNs, ctimeNs } = await fstat(this.fd);
    return Date.now() - Number((birthtimeNs || ctimeNs) / 1_000_000n) < YOUNG_MS;
  }

  /** A second descriptor of the same directory, so that every caller closes one of its own. */
  async #again(): Promise<Directory> {
    return new Directory(await open(`${this.#base}/.`, O_RDONLY | O_DIRECTORY), this.#base);
  }

  /** Makes the entries that were added or removed survive a power cut. */
  async sync(): Promise<void> {
    await fsync(this.fd);
  }

  /** Only the first call closes: by the second, the descriptor's number may be another file's. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await close(this.fd);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
