import type { Hash } from "node:crypto";
import { rm } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import type { Directory } from "./directory.ts";
import { toEntry, type FileEntry } from "./entries.ts";
import {
  errno,
  fromSystem,
  IsDirectoryError,
  NotRegularError,
  TooLargeError,
  UnavailableError,
} from "./errors.ts";
import type { VolumePath } from "./path.ts";
import { giveName, type Exclusion, type NameOptions } from "./publication.ts";
import { FileSink, type SinkOptions } from "./sink.ts";
import { close, fdatasync, fstat, fsync, ftruncate, futimes } from "./system.ts";

/** How often, in bytes, the free space is looked at while a file is written. */
const SPACE_CHECK_BYTES = 16 << 20;
/** How many bytes may wait for the disk before it is set to work on them, so that the last sync finds little left. */
const SYNC_AHEAD_BYTES = 32 << 20;
const MAX_PUBLISH_ATTEMPTS = 10;
const STAGING_FILE = "the staging file";

/** What a staged file needs of its volume. */
export interface StagingHost extends Exclusion {
  readonly isDurable: boolean;
  /** Opens the directory, making what is missing on the way. The caller closes it. */
  openParent(path: VolumePath): Promise<Directory>;
  /** @throws {InsufficientStorageError} when `bytes` more would leave less than the floor */
  requireSpace(bytes: number): Promise<void>;
}

export interface PublishOptions extends NameOptions {
  /** The file's modification time; default: now. */
  readonly modifiedMs?: number | undefined;
}

export interface Published {
  readonly entry: FileEntry;
  /** False when a file was replaced. */
  readonly created: boolean;
}

/**
 * A file that nobody sees yet: written on the volume's own file system, then published whole under its name, or
 * discarded. A reader finds the old file or the new one, never a part; a crash leaves only staging, which is swept.
 */
export class StagedFile implements AsyncDisposable {
  readonly fd: number;
  readonly #path: string;
  readonly #host: StagingHost;
  readonly #bornNs: bigint;
  #isOpen = true;
  #bytesToSpaceCheck = 0;
  #bytesToSync = SYNC_AHEAD_BYTES;
  #syncing: Promise<unknown> | undefined;
  #syncError: unknown;
  readonly #sinks = new Set<FileSink>();

  private constructor(fd: number, path: string, host: StagingHost, bornNs: bigint) {
    this.fd = fd;
    this.#path = path;
    this.#host = host;
    this.#bornNs = bornNs;
  }

  /** Takes over an open file in a staging folder. */
  static async adopt(file: { fd: number; path: string }, host: StagingHost): Promise<StagedFile> {
    return new StagedFile(file.fd, file.path, host, (await fstat(file.fd)).ctimeNs);
  }

  /** A writer that starts at `position` bytes. Of several in use no two may write the same bytes. */
  sink(position = 0, options: Omit<SinkOptions, "beforeBatch"> = {}): FileSink {
    const sink = new FileSink(this.fd, position, {
      ...options,
      beforeBatch: (bytes) => this.#beforeBatch(bytes),
    });
    this.#sinks.add(sink);
    return sink;
  }

  /** Ends a writer that is not wanted any more: what it was given and has not begun to write is dropped. */
  async endSink(sink: FileSink): Promise<void> {
    await sink.stop();
    this.#sinks.delete(sink);
  }

  /** Cuts the file off after so many bytes, or extends it. */
  async truncate(bytes: number): Promise<void> {
    await this.#translated(ftruncate(this.fd, bytes));
  }

  /**
   * Writes a stream of chunks that nobody else keeps (see {@link FileSink.push}) to its end, and resolves to its length
   * in bytes.
   *
   * @throws {TooLargeError} past `maxBytes`; the stream's own error; {@link InsufficientStorageError}. The stream is
   * then left paused: what is to be done with the rest of it is its owner's to say.
   */
  async receive(source: Readable, options: { maxBytes?: number; hash?: Hash } = {}): Promise<number> {
    const { maxBytes = Infinity, hash } = options;
    // It has had its last event, and none would ever come.
    if (source.destroyed || source.readableEnded) throw source.errored ?? closedEarly();
    const sink = this.sink();
    let received = 0;
    await new Promise<void>((resolve, reject) => {
      let isSettled = false;
      const settle = (error?: unknown): void => {
        if (isSettled) return;
        isSettled = true;
        source.off("data", onData).off("end", settle).off("error", settle).off("close", onClose);
        // A late error of the stream is its owner's to hear of, but must find somebody listening.
        source.on("error", () => undefined);
        if (error === undefined) return resolve();
        source.pause();
        reject(error);
      };
      const onClose = (): void => settle(source.errored ?? closedEarly());
      const onData = (chunk: Buffer): void => {
        received += chunk.length;
        if (received > maxBytes) return settle(new TooLargeError(maxBytes));
        hash?.update(chunk);
        if (sink.push(chunk)) return;
        source.pause();
        sink.drained().then(
          () => !isSettled && source.resume(),
          (error: unknown) => settle(fromSystem(error, STAGING_FILE)),
        );
      };
      source.on("data", onData).once("end", settle).once("error", settle).once("close", onClose);
    });
    await this.#translated(sink.flush());
    return received;
  }

  /** Makes the bytes written so far survive a power cut. */
  async sync(): Promise<void> {
    await this.#translated(this.#syncBy(fdatasync));
  }

  async #syncBy(call: (fd: number) => Promise<void>): Promise<void> {
    await this.#syncing;
    // The kernel tells of a failed write-back once; a later sync would pass, with the bytes lost.
    if (this.#syncError !== undefined) throw this.#syncError;
    await call(this.fd);
  }

  /**
   * Gives the file its name, creating the directories on the way.
   *
   * @throws {AlreadyExistsError} when the name is taken and `replace` is off
   * @throws {ConditionFailedError} when `condition` says no
   * @throws {IsDirectoryError} {@link NotDirectoryError} {@link NotRegularError} for what stands in the way
   */
  async publish(path: VolumePath, options: PublishOptions = {}): Promise<Published> {
    if (path.isDirectoryForm) throw new IsDirectoryError(path.toString());
    await this.#translated(this.#makeReady(options.modifiedMs), path);
    for (let attempt = 1; ; attempt++) {
      try {
        await using parent = await this.#host.openParent(path.parent);
        const created = await giveName(this.#path, parent, path, this.#host, options);
        // Before the sync, which may take long: it changes the file's times, and with them the entity tag.
        if (!options.keepStaged) await rm(this.#path, { force: true });
        if (this.#host.isDurable) await parent.sync();
        const entry = toEntry(path.name, await fstat(this.fd));
        if (entry?.type !== "file") throw new NotRegularError(path.toString());
        return { entry, created };
      } catch (error) {
        if (errno(error) !== "ENOENT") throw fromSystem(error, path.toString());
        // The directory was removed between being opened and being used: make it again. When that does not help,
        // it is the staging file that is gone, and with it the volume as this process knew it.
        if (attempt === MAX_PUBLISH_ATTEMPTS) throw new UnavailableError({ cause: error });
      }
    }
  }

  /**
   * Sets the times, and syncs. The change time must have moved on since the file was made: the inode may have belonged
   * to another file until then, and only a later time keeps the two entity tags apart.
   */
  async #makeReady(modifiedMs: number | undefined): Promise<void> {
    // The microsecond keeps what the conversion cuts off from showing as a millisecond less.
    const seconds = ((modifiedMs ?? Date.now()) + 0.001) / 1000;
    if (modifiedMs !== undefined) await futimes(this.fd, seconds, seconds);
    while ((await fstat(this.fd)).ctimeNs <= this.#bornNs) {
      await sleep(1);
      await futimes(this.fd, seconds, seconds);
    }
    // A modification time that was asked for is to survive too, and `fdatasync` leaves it behind.
    if (this.#host.isDurable) await this.#syncBy(modifiedMs === undefined ? fdatasync : fsync);
  }

  async #beforeBatch(bytes: number): Promise<void> {
    this.#bytesToSpaceCheck -= bytes;
    if (this.#bytesToSpaceCheck <= 0) {
      await this.#host.requireSpace(bytes);
      this.#bytesToSpaceCheck = SPACE_CHECK_BYTES;
    }
    this.#bytesToSync -= bytes;
    if (this.#bytesToSync <= 0 && this.#host.isDurable && !this.#syncing) {
      this.#bytesToSync = SYNC_AHEAD_BYTES;
      this.#syncing = fdatasync(this.fd)
        .catch((error: unknown) => (this.#syncError ??= error))
        .then(() => (this.#syncing = undefined));
    }
  }

  async #translated<T>(work: Promise<T>, path?: VolumePath): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw fromSystem(error, path?.toString() ?? STAGING_FILE);
    }
  }

  /** Closes the file, leaving its name; for one that a later process goes on with. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    // A later write would go into whatever file is given this descriptor's number next.
    await Promise.all([...this.#sinks].map((sink) => sink.stop()));
    await this.#syncing;
    await close(this.fd);
  }

  /** Closes the file and removes its staging name; what was published stays. */
  async discard(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.discard();
  }
}

function closedEarly(): Error {
  const error = new Error("The stream closed before its end.");
  return Object.assign(error, { code: "ERR_STREAM_PREMATURE_CLOSE" }); // as Node's own streams say it
}
