import { constants } from "node:fs";
import { copyFile, open as openFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { errno, fromSystem, UnavailableError, unless } from "./errors.ts";
import { secondName } from "./publication.ts";
import { StagedFile, type StagingHost } from "./staged-file.ts";
import { makeStateFolder } from "./state-folder.ts";
import { close, fdatasync, ftruncate, open } from "./system.ts";

const { COPYFILE_EXCL, COPYFILE_FICLONE, O_CREAT, O_EXCL, O_RDWR } = constants;

/**
 * Staging files that outlive the process that wrote them, each under a name its owner keeps a record of.
 *
 * Whoever goes on with one that may still be somebody's does so in a copy: nothing takes an open descriptor away from a
 * process that was only asleep, so what that one may still write must land in a file nobody will publish.
 */
export class PartialFiles {
  readonly #directory: string;
  readonly #host: StagingHost;

  constructor(directory: string, host: StagingHost) {
    this.#directory = directory;
    this.#host = host;
  }

  /**
   * Makes the new, empty file `name`.
   *
   * @throws {UnavailableError} {@link ReadOnlyError} {@link InsufficientStorageError}
   */
  create(name: string): Promise<StagedFile> {
    return translated(async () => {
      const create = (): Promise<StagedFile> => this.#adopt(this.#at(name), O_RDWR | O_CREAT | O_EXCL);
      const file = await create().catch(unless("ENOENT"));
      if (file) return file;
      await makeStateFolder(this.#directory);
      return await create();
    });
  }

  /**
   * Makes the new file `name` with the first `bytes` of `earlier`, cloned where the file system can, else copied, and
   * synced. `earlier` is left as it is. Resolves to undefined when `earlier` is gone or shorter.
   *
   * @throws {ReadOnlyError} {@link InsufficientStorageError}
   */
  continueFrom(name: string, earlier: string, bytes: number): Promise<StagedFile | undefined> {
    return translated(async () => {
      const source = await stat(this.#at(earlier)).catch(unless("ENOENT"));
      if (!source || source.size < bytes) return undefined;
      const path = this.#at(name);
      await copyFile(this.#at(earlier), path, COPYFILE_EXCL | COPYFILE_FICLONE);
      return await this.#adopt(path, O_RDWR, async (fd) => {
        await ftruncate(fd, bytes);
        await fdatasync(fd);
      });
    });
  }

  /**
   * Goes on in the file `earlier` itself, under the new name `name`: of several who would each have it one does, and
   * the others find it gone. Only for one that whoever wrote it has let go of for certain; see {@link continueFrom} for
   * any other. Resolves to undefined when it is gone, or has fewer than `bytes`, and then nobody has it.
   */
  take(name: string, earlier: string, bytes: number): Promise<StagedFile | undefined> {
    return translated(async () => {
      const path = this.#at(name);
      const isMissing = await rename(this.#at(earlier), path).then(
        () => false,
        (error: unknown) => errno(error) === "ENOENT" || Promise.reject(error),
      );
      await rm(secondName(this.#at(earlier)), { force: true });
      if (isMissing) return undefined;
      if ((await stat(path)).size >= bytes) return await this.#adopt(path, O_RDWR);
      await rm(path);
      return undefined;
    });
  }

  /** Reads at most `length` bytes of `name` from `position` on; what is not there is left out. */
  async read(name: string, position: number, length: number): Promise<Buffer> {
    const file = await openFile(this.#at(name)).catch(unless("ENOENT"));
    if (!file) return Buffer.alloc(0);
    try {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position });
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /**
   * Takes the name `name` away from whoever may still be about to publish it: a publication is a link from that name,
   * and after this there is nothing to link from. Resolves to the name the file has from now on, whether or not there
   * is one; doing it again changes nothing.
   */
  async seize(name: string): Promise<string> {
    const seized = `${name}.seized`;
    await rename(this.#at(name), this.#at(seized)).catch(unless("ENOENT"));
    await rm(secondName(this.#at(name)), { force: true });
    return seized;
  }

  /**
   * Whether `name` was published with `keepStaged` and has not been discarded since: then it is a second link to the
   * published file, wherever that is now.
   */
  async isPublished(name: string): Promise<boolean> {
    await rm(secondName(this.#at(name)), { force: true });
    const stats = await stat(this.#at(name)).catch(unless("ENOENT"));
    return stats !== undefined && stats.nlink > 1;
  }

  /** Removes `name`; that there is none is fine. */
  async remove(name: string): Promise<void> {
    await rm(this.#at(name), { force: true });
  }

  /** The names of all partial files, in no order. */
  async names(): Promise<string[]> {
    return (await readdir(this.#directory).catch(unless("ENOENT"))) ?? [];
  }

  async #adopt(path: string, flags: number, prepare?: (fd: number) => Promise<void>): Promise<StagedFile> {
    const fd = await open(path, flags, 0o666);
    try {
      await prepare?.(fd);
      return await StagedFile.adopt({ fd, path }, this.#host);
    } catch (error) {
      await close(fd);
      throw error;
    }
  }

  #at(name: string): string {
    return join(this.#directory, name);
  }
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // What was missing was seen or made a moment ago: it is the volume that is not there.
    throw errno(error) === "ENOENT"
      ? new UnavailableError({ cause: error })
      : fromSystem(error, "the partial file");
  }
}
