import { readFileSync, write } from "node:fs";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";

import type { PartialFiles, StagedFile } from "@wharf/volume";

import type { ByteRange } from "./ranges.ts";

const MARKS_BYTES = 4096;
/** More than fit; that some are left out costs only their bytes. */
const MAX_RANGES = 96;
/** How often it is marked what is written: as soon as either has come. */
const MARK_BYTES = 4 << 20;
const MARK_MS = 20;

/** Changes whenever the machine starts anew, and with it what its memory held; undefined where nobody tells. */
const BOOT_ID = readBootId();

const writeAt = promisify(write);

/** Which file it is that marks are about. */
export interface MarkedVersion {
  readonly id: string;
  readonly validator: string | null;
  readonly total: number;
}

/**
 * Marks, behind a partial file's last byte, what this machine has written of it.
 *
 * A process that is killed takes nothing along that it has written: the kernel has it. So after a kill the marks tell
 * of more than the last checkpoint, which is for power cuts; they count only until the machine starts anew.
 */
export class Marker {
  readonly #fd: number;
  readonly #version: MarkedVersion;
  readonly #written: () => readonly ByteRange[];
  #bytes = 0;
  #atMs = 0;
  #isCurrent = true;
  #isStopped = false;
  #marking: Promise<void> | undefined;

  /** @param written what is to be marked, asked when it is */
  constructor(staged: StagedFile, version: MarkedVersion, written: () => readonly ByteRange[]) {
    this.#fd = staged.fd;
    this.#version = version;
    this.#written = written;
  }

  /** So many more bytes are written; they are marked before long. */
  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= MARK_BYTES || performance.now() - this.#atMs >= MARK_MS) this.mark();
  }

  /** Marks what is written by now. */
  mark(): void {
    if (this.#isStopped || BOOT_ID === undefined) return;
    this.#bytes = 0;
    this.#atMs = performance.now();
    this.#isCurrent = false;
    // A mark that cannot be written is one that is missing after a kill, and no more.
    this.#marking ??= this.#write()
      .catch(() => undefined)
      .finally(() => (this.#marking = undefined));
  }

  async #write(): Promise<void> {
    while (!this.#isCurrent) {
      this.#isCurrent = true;
      const ranges = this.#written().slice(0, MAX_RANGES);
      const line = JSON.stringify([
        ...headOf(this.#version),
        ...ranges.map(({ start, end }) => [start, end]),
      ]);
      await writeAt(this.#fd, Buffer.from(`${crc32(line)} ${line}\n`), { position: this.#version.total });
    }
  }

  /** Resolves when the marks are written. */
  async settled(): Promise<void> {
    await this.#marking;
  }

  /** Marks nothing any more; resolves when nothing is being written, and the descriptor may be closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#marking;
  }
}

/** Reads the marks of a partial file; none when it has none of this boot, this version, or whole ones. */
export async function readMarks(
  partials: PartialFiles,
  name: string,
  version: MarkedVersion,
): Promise<ByteRange[]> {
  if (BOOT_ID === undefined) return [];
  const text = (await partials.read(name, version.total, MARKS_BYTES)).toString("utf8");
  const [, sum, line = ""] = /^(\d+) (.*)\n/.exec(text) ?? [];
  if (Number(sum) !== crc32(line)) return [];
  const head = headOf(version);
  const marks = JSON.parse(line) as unknown[];
  const isOfVersion = head.every((value, index) => marks[index] === value);
  return isOfVersion
    ? (marks.slice(head.length) as [number, number][]).map(([start, end]) => ({ start, end }))
    : [];
}

function headOf({ id, validator, total }: MarkedVersion): readonly (string | number | null)[] {
  return [BOOT_ID ?? null, id, validator, total];
}

function readBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return undefined;
  }
}
