import { readFileSync, write } from "node:fs";
import { promisify } from "node:util";

import type { PartialFiles } from "@wharf/volume";

import type { ByteRange } from "./ranges.ts";

const MARKS_BYTES = 4096;
/** More than fit; that some are left out costs only their bytes. */
const MAX_RANGES = 96;

/** Changes whenever the machine starts anew, and with it what its memory held; undefined where nobody tells. */
const BOOT_ID = readBootId();

const writeAt = promisify(write);

/** What a process has noted in a partial file. */
export interface Marks {
  /** Who writes to the file, or did: a name whose death the volume can tell. */
  readonly holder: string;
  /** What is written, in order. */
  readonly ranges: readonly ByteRange[];
}

/**
 * Marks, behind a partial file's last byte, what this machine has written of it.
 *
 * A process that is killed takes nothing along that it has written: the kernel has it. So after a kill the marks tell
 * of more than the last checkpoint, which is for power cuts; they count only until the machine starts anew.
 */
export async function writeMarks(fd: number, total: number, { holder, ranges }: Marks): Promise<void> {
  if (BOOT_ID === undefined) return;
  const pairs = ranges.slice(0, MAX_RANGES).map(({ start, end }) => [start, end]);
  const marks = JSON.stringify([BOOT_ID, holder, ...pairs]);
  await writeAt(fd, Buffer.from(`${marks}\n`), { position: total });
}

/** Reads the marks of a partial file; undefined when it has none of this boot. */
export async function readMarks(
  partials: PartialFiles,
  name: string,
  total: number,
): Promise<Marks | undefined> {
  if (BOOT_ID === undefined) return undefined;
  const [line = "", end] = (await partials.read(name, total, MARKS_BYTES)).toString("latin1").split("\n", 2);
  if (end === undefined) return undefined;
  const [boot, holder, ...ranges] = parse(line);
  if (boot !== BOOT_ID || typeof holder !== "string") return undefined;
  return { holder, ranges: ranges.flatMap((range) => toRange(range, total)) };
}

function parse(line: string): unknown[] {
  try {
    const marks: unknown = JSON.parse(line);
    return Array.isArray(marks) ? marks : [];
  } catch {
    return [];
  }
}

function toRange(value: unknown, total: number): ByteRange[] {
  if (!Array.isArray(value)) return [];
  const [start, end] = value as unknown[];
  const isRange = Number.isSafeInteger(start) && Number.isSafeInteger(end);
  return isRange && Number(end) <= total ? [{ start: Number(start), end: Number(end) }] : [];
}

function readBootId(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return undefined;
  }
}
