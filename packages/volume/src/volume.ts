import { constants, type BigIntStats } from "node:fs";
import { lstat, mkdir, rename, rm, rmdir, stat, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";

import { Directory } from "./directory.ts";
import { settled, entityTag } from "./entity-tag.ts";
import { readPage, scanEntries, toEntry, type Entry, type Page, type PageRequest } from "./entries.ts";
import {
  AlreadyExistsError,
  ConditionFailedError,
  errno,
  fromSystem,
  InsufficientStorageError,
  IsDirectoryError,
  NotDirectoryError,
  NotFoundError,
  NotRegularError,
  ParentMissingError,
  RootProtectedError,
  UnavailableError,
} from "./errors.ts";
import { KernelLock } from "./lock.ts";
import { PartialFiles } from "./partials.ts";
import { RESERVED_NAME, type VolumePath } from "./path.ts";
import { StagedFile, type StagingHost } from "./staged-file.ts";
import { Staging } from "./staging.ts";
import { makeIfMissing } from "./state-folder.ts";
import { close, fstat, open } from "./system.ts";
import { removeTree } from "./tree.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

export interface VolumeOptions {
  /** The shared directory; made when its parent exists. */
  readonly directory: string;
  /** True: what was published survives a power cut. False: it is on its way to the disk. */
  readonly isDurable: boolean;
  /** Writing stops when less than this many bytes would be free. */
  readonly minFreeBytes: number;
  /** How old a lock of nobody's must be before it is swept. */
  readonly strayAgeMs: number;
}

/** A file that is open for reading; everything said of it was read from its descriptor. */
export interface OpenFile extends AsyncDisposable {
  readonly fd: number;
  readonly size: number;
  readonly modifiedMs: number;
  readonly etag: string;
  close(): Promise<void>;
}

/**
 * The shared disk. Any number of processes, on any number of nodes that mount it, may use one at the same time, and any
 * of them may be killed at any moment.
 *
 * Paths are resolved from the root's descriptor one name at a time and no symbolic link is followed; what is neither a
 * file nor a directory does not exist to a client.
 */
export class Volume {
  /** Staging files that outlive their process. */
  readonly partials: PartialFiles;
  readonly #options: VolumeOptions;
  readonly #staging: Staging;
  readonly #host: StagingHost;
  readonly #lock: KernelLock;
  #root: Directory;

  /**
   * Opens the volume.
   *
   * @throws the system's error when the directory is missing and cannot be made, or cannot be read
   */
  static async open(options: VolumeOptions): Promise<Volume> {
    await makeIfMissing(options.directory);
    return new Volume(options, await Directory.open(options.directory));
  }

  private constructor(options: VolumeOptions, root: Directory) {
    this.#options = options;
    this.#root = root;
    this.#lock = new KernelLock(this.statePath("publish.lock"));
    this.#staging = new Staging(this.statePath("staging"), options.strayAgeMs);
    this.#host = {
      isDurable: options.isDurable,
      openParent: async (path) => {
        await this.#requireRoot();
        return this.#root.descend(path.segments, { durable: options.isDurable });
      },
      requireSpace: (bytes) => this.requireSpace(bytes),
      exclusively: (work) => this.#lock.run(work),
    };
    this.partials = new PartialFiles(this.statePath("partial"), this.#host);
  }

  /** Where in the reserved directory something of Wharf's own is kept. */
  statePath(name: string): string {
    return join(this.#options.directory, RESERVED_NAME, name);
  }

  /**
   * Opens a file for reading. The caller closes it.
   *
   * @throws {IsDirectoryError} {@link NotFoundError}
   */
  async openFile(path: VolumePath): Promise<OpenFile> {
    const fd = await this.#at(path, (target) => open(target, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    try {
      const stats = await settled(() => fstat(fd));
      if (stats.isDirectory()) throw new IsDirectoryError(path.toString());
      if (!stats.isFile() || path.isDirectoryForm) throw new NotFoundError(path.toString());
      return openFileOf(fd, stats);
    } catch (error) {
      await close(fd);
      throw error;
    }
  }

  /**
   * What is at a path.
   *
   * @throws {NotFoundError}
   */
  async stat(path: VolumePath): Promise<Entry> {
    const stats = await this.#at(path, (target) => settled(() => lstat(target, { bigint: true })));
    const entry = toEntry(path.name, stats);
    if (!entry || (path.isDirectoryForm && entry.type === "file")) throw new NotFoundError(path.toString());
    return entry;
  }

  /**
   * What a publication at `path` would meet now; undefined when the name is free. For telling a client early: the
   * publication itself judges again.
   *
   * @throws {IsDirectoryError} {@link NotDirectoryError} {@link NotRegularError}
   */
  async target(path: VolumePath): Promise<Entry | undefined> {
    if (path.isDirectoryForm) throw new IsDirectoryError(path.toString());
    try {
      await using parent = await this.#root.descend(path.parent.segments);
      const stats = await settled(() => lstat(parent.at(path.name), { bigint: true }));
      const entry = toEntry(path.name, stats);
      if (!entry) throw new NotRegularError(path.toString());
      if (entry.type === "directory") throw new IsDirectoryError(path.toString());
      return entry;
    } catch (error) {
      if (errno(error) !== "ENOENT") throw fromSystem(error, path.toString());
      await this.#requireRoot(error);
      return undefined;
    }
  }

  /**
   * Makes sure that nothing but directories stands on the way to `path`, as far as there is one.
   *
   * @throws {NotDirectoryError}
   */
  async requireWay(path: VolumePath): Promise<void> {
    try {
      await using _directory = await this.#root.descend(path.segments);
    } catch (error) {
      if (errno(error) !== "ENOENT") throw fromSystem(error, path.toString());
    }
  }

  /**
   * One page of a directory, in an order that every replica agrees on.
   *
   * @throws {NotFoundError}
   */
  async list(path: VolumePath, page: PageRequest): Promise<Page> {
    await using directory = await this.#directory(path);
    return await readPage(directory, path.isRoot, page);
  }

  /**
   * Every entry of a directory in no order, in batches and constant memory.
   *
   * @throws {NotFoundError} at the first step
   */
  async *scan(path: VolumePath): AsyncGenerator<Entry[]> {
    await using directory = await this.#directory(path);
    yield* scanEntries(directory, path.isRoot);
  }

  /**
   * Makes one directory.
   *
   * @throws {AlreadyExistsError} {@link ParentMissingError}
   */
  async makeDirectory(path: VolumePath): Promise<void> {
    if (path.isRoot) throw new AlreadyExistsError(path.toString());
    await using parent = await this.#directory(path.parent).catch((error: unknown) => {
      throw error instanceof NotFoundError
        ? new ParentMissingError(path.toString(), { cause: error })
        : error;
    });
    try {
      await mkdir(parent.at(path.name));
      if (this.#options.isDurable) await parent.sync();
    } catch (error) {
      throw errno(error) === "EEXIST"
        ? new AlreadyExistsError(path.toString())
        : fromSystem(error, path.toString());
    }
  }

  /**
   * Removes a file, an empty directory, or with `recursive` a whole tree, which vanishes from sight at once.
   *
   * @param condition judged against the current version, with nobody able to change it before the removal
   * @throws {NotFoundError} {@link DirectoryNotEmptyError} {@link ConditionFailedError} {@link RootProtectedError}
   */
  async remove(
    path: VolumePath,
    options: { recursive?: boolean; condition?: ((current: Entry) => boolean) | undefined } = {},
  ): Promise<void> {
    if (path.isRoot) throw new RootProtectedError();
    await using parent = await this.#directory(path.parent);
    const target = parent.at(path.name);
    let trash: string | undefined;
    try {
      trash = await this.#lock.run(async () => {
        const entry = toEntry(path.name, await lstat(target, { bigint: true }));
        if (!entry || (path.isDirectoryForm && entry.type === "file"))
          throw new NotFoundError(path.toString());
        if (options.condition && !options.condition(entry)) throw new ConditionFailedError(path.toString());
        if (entry.type === "directory" && options.recursive) {
          const hidden = await this.#staging.reserve();
          await rename(target, hidden);
          return hidden;
        }
        await (entry.type === "file" ? unlink(target) : rmdir(target));
        return undefined;
      });
      if (this.#options.isDurable) await parent.sync();
    } catch (error) {
      throw fromSystem(error, path.toString());
    }
    // Out of every client's sight and reach by now; should this process die on the way, it is swept.
    if (trash) await removeTree(trash);
  }

  /**
   * Makes a file to be written and then published.
   *
   * @throws {InsufficientStorageError} {@link ReadOnlyError} {@link UnavailableError}
   */
  async stage(): Promise<StagedFile> {
    try {
      const file = await this.#staging.create();
      try {
        return await StagedFile.adopt(file, this.#host);
      } catch (error) {
        await close(file.fd);
        await rm(file.path, { force: true });
        throw error;
      }
    } catch (error) {
      throw errno(error) === "ENOENT"
        ? new UnavailableError({ cause: error })
        : fromSystem(error, "the staging folder");
    }
  }

  /**
   * What this process is known by on the volume; see {@link isDead}.
   *
   * @throws {VolumeError} when the volume cannot be written
   */
  async holder(): Promise<string> {
    try {
      return await this.#staging.holder();
    } catch (error) {
      throw fromSystem(error, "the staging folder");
    }
  }

  /** Whether the process with that name has ended; one that is only stopped has not, and may go on writing. */
  async isDead(holder: string): Promise<boolean> {
    return this.#staging.isDead(holder).catch(() => false);
  }

  /** Removes what dead processes left in staging. Returns how many of them there were. */
  async sweep(): Promise<number> {
    try {
      return await this.#staging.sweep();
    } catch (error) {
      throw fromSystem(error, "the staging folder");
    }
  }

  /** Bytes that may be written before the disk is full, the free-space floor not taken off. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#root.path);
    return bavail * bsize;
  }

  /** @throws {InsufficientStorageError} when `bytes` more would leave less than the floor */
  async requireSpace(bytes: number): Promise<void> {
    if ((await this.freeBytes()) - bytes < this.#options.minFreeBytes) throw new InsufficientStorageError();
  }

  /**
   * Tries whether the volume can do its work: there, writable, above the free-space floor. A directory that was
   * mounted or made anew in its place is taken up.
   *
   * @throws {VolumeError} what is wrong
   */
  async check(): Promise<void> {
    await this.#reopenIfReplaced();
    await using _probe = await this.stage();
    await this.requireSpace(0);
  }

  async #reopenIfReplaced(): Promise<void> {
    const found = await stat(this.#options.directory, { bigint: true }).catch((error: unknown) => {
      throw new UnavailableError({ cause: error });
    });
    const known = await fstat(this.#root.fd);
    if (found.ino === known.ino && found.dev === known.dev) return;
    // The old descriptor stays open: its number may stand in a path that is in use.
    this.#root = await Directory.open(this.#options.directory);
  }

  /** Lets go of this process's staging folder and lock; nothing else may be called afterwards. */
  async close(): Promise<void> {
    await this.#staging.close();
    this.#lock.close();
    await this.#root.close();
  }

  async #directory(path: VolumePath): Promise<Directory> {
    if (path.isRoot) await this.#requireRoot();
    return this.#descend(path);
  }

  async #descend(path: VolumePath): Promise<Directory> {
    try {
      return await this.#root.descend(path.segments);
    } catch (error) {
      throw await this.#readError(error, path);
    }
  }

  /** Runs one file-system call on what is at a path; the root is `.` in itself. */
  async #at<T>(path: VolumePath, call: (target: string) => Promise<T>): Promise<T> {
    await using parent = await (path.isRoot ? this.#directory(path) : this.#descend(path.parent));
    try {
      return await call(parent.at(path.name || "."));
    } catch (error) {
      throw await this.#readError(error, path);
    }
  }

  /** To a reader a path through a file is simply not there; nor is anything, once the whole volume is gone. */
  async #readError(error: unknown, path: VolumePath): Promise<unknown> {
    const translated = fromSystem(error, path.toString());
    const isMissing = translated instanceof NotFoundError || translated instanceof NotDirectoryError;
    if (!isMissing) return translated;
    await this.#requireRoot(error);
    return new NotFoundError(path.toString(), { cause: error });
  }

  /**
   * A directory that was removed stays open and looks empty. One that was made in its place serves from the next call on.
   *
   * @throws {UnavailableError} when the root was removed
   */
  async #requireRoot(cause?: unknown): Promise<void> {
    if ((await fstat(this.#root.fd)).nlink > 0n) return;
    await this.#reopenIfReplaced();
    throw new UnavailableError({ cause });
  }
}

function openFileOf(fd: number, stats: BigIntStats): OpenFile {
  let isOpen = true;
  const closeOnce = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    await close(fd);
  };
  return {
    fd,
    size: Number(stats.size),
    modifiedMs: Number(stats.mtimeNs / 1_000_000n),
    etag: entityTag(stats),
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}
