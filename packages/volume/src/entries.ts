import { lstatSync, type BigIntStats } from "node:fs";
import { opendir, readdir } from "node:fs/promises";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

import type { Directory } from "./directory.ts";
import { CLOCK_TICK_MS, entityTag, isUnsettled } from "./entity-tag.ts";
import { isSegment, RESERVED_NAME } from "./path.ts";

/** A file as a listing shows it. */
export interface FileEntry {
  readonly name: string;
  readonly type: "file";
  /** In bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number;
  /** The strong entity tag. */
  readonly etag: string;
}

/** A directory as a listing shows it. */
export interface DirectoryEntry {
  readonly name: string;
  readonly type: "directory";
  readonly size: null;
  readonly modifiedMs: number;
  readonly etag: null;
}

/** What clients see on a volume; whatever else a disk may hold is invisible. */
export type Entry = FileEntry | DirectoryEntry;

/** In which order a page of entries comes, and from where on. */
export interface PageRequest {
  readonly sort: "name" | "size" | "modified";
  readonly order: "asc" | "desc";
  readonly limit: number;
  /** The last entry of the page before; the page starts behind it, whether or not it still exists. */
  readonly after?: PagePosition | undefined;
}

/** An entry's place in an order: its key there, and its name to tell equals apart. */
export interface PagePosition {
  readonly key: number | string;
  readonly name: string;
}

export interface Page {
  readonly entries: readonly Entry[];
  /** Where the next page starts; undefined on the last one. */
  readonly next?: PagePosition;
}

const SLICE_MS = 5;
const SCAN_BATCH = 1024;

/** One page of a directory. By name only the page itself is read from the disk; by another key all entries are. */
export async function readPage(directory: Directory, isRoot: boolean, request: PageRequest): Promise<Page> {
  const names = (await readdir(directory.path)).filter((name) => isVisible(name, isRoot));
  const sign = request.order === "asc" ? 1 : -1;
  const compare = (a: PagePosition, b: PagePosition): number =>
    sign * (compareKeys(a.key, b.key) || compareKeys(a.name, b.name));
  const { after, limit } = request;
  const isBehind = (position: PagePosition): boolean => after === undefined || compare(position, after) > 0;

  if (request.sort !== "name") {
    const all = (await readEntries(directory, names)).filter((entry) =>
      isBehind(positionOf(entry, request.sort)),
    );
    all.sort((a, b) => compare(positionOf(a, request.sort), positionOf(b, request.sort)));
    return cut(all, limit, request.sort);
  }
  const behind = names.filter((name) => isBehind({ key: name, name }));
  behind.sort((a, b) => sign * compareKeys(a, b));
  const entries: Entry[] = [];
  // More names than asked for may be needed: some are neither files nor directories.
  for (let from = 0; from < behind.length && entries.length <= limit; from += limit + 1) {
    entries.push(...(await readEntries(directory, behind.slice(from, from + limit + 1))));
  }
  return cut(entries, limit, request.sort);
}

/** Every entry of a directory in the order of the disk, in batches, in memory that does not grow with it. */
export async function* scanEntries(directory: Directory, isRoot: boolean): AsyncGenerator<Entry[]> {
  let names: string[] = [];
  for await (const { name } of await opendir(directory.path, { bufferSize: SCAN_BATCH })) {
    if (isVisible(name, isRoot)) names.push(name);
    if (names.length >= SCAN_BATCH) {
      yield await readEntries(directory, names);
      names = [];
    }
  }
  yield await readEntries(directory, names);
}

/** What a file's or a directory's state says of it; undefined for anything else. */
export function toEntry(name: string, stats: BigIntStats): Entry | undefined {
  const modifiedMs = Number(stats.mtimeNs / 1_000_000n);
  if (stats.isFile())
    return { name, type: "file", size: Number(stats.size), modifiedMs, etag: entityTag(stats) };
  if (stats.isDirectory()) return { name, type: "directory", size: null, modifiedMs, etag: null };
  return undefined;
}

/**
 * Reads the entries of `names`, in their order, leaving out what is neither file nor directory or has just gone.
 *
 * Synchronous calls in short slices: a hop to the thread pool costs several times what the call itself does.
 */
async function readEntries(directory: Directory, names: readonly string[]): Promise<Entry[]> {
  const stats = new Map<string, BigIntStats | undefined>();
  let due = names;
  // An entity tag is only handed out once it can be relied on; as `settled` does.
  for (let tries = 0; due.length > 0; tries++) {
    if (tries > 0) await sleep(CLOCK_TICK_MS);
    due = await filterInSlices(due, (name) => {
      const readAtMs = Date.now();
      const stat = lstatSync(directory.at(name), { bigint: true, throwIfNoEntry: false });
      stats.set(name, stat);
      return stat !== undefined && isUnsettled(stat, readAtMs, tries);
    });
  }
  return names.flatMap((name) => {
    const stat = stats.get(name);
    return (stat && toEntry(name, stat)) ?? [];
  });
}

/** The items to keep, found without keeping other work waiting for longer than a slice. */
async function filterInSlices<T>(items: readonly T[], keep: (item: T) => boolean): Promise<T[]> {
  const kept: T[] = [];
  let sliceEnd = performance.now() + SLICE_MS;
  for (const item of items) {
    if (keep(item)) kept.push(item);
    if (performance.now() > sliceEnd) {
      await nextTurn();
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
  return kept;
}

/** Other programs may give names that no path can have: nobody could do anything with such an entry. */
function isVisible(name: string, isRoot: boolean): boolean {
  return isSegment(name) && !(isRoot && name.toLowerCase() === RESERVED_NAME);
}

function positionOf(entry: Entry, sort: PageRequest["sort"]): PagePosition {
  const key = { name: entry.name, size: entry.size ?? -1, modified: entry.modifiedMs }[sort];
  return { key, name: entry.name };
}

function cut(entries: Entry[], limit: number, sort: PageRequest["sort"]): Page {
  const page = entries.slice(0, limit);
  const last = page.at(-1);
  return entries.length > limit && last ? { entries: page, next: positionOf(last, sort) } : { entries: page };
}

function compareKeys(a: number | string, b: number | string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
