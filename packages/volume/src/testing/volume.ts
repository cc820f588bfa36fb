import { readdirSync, readlinkSync, rmSync, writeSync } from "node:fs";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

import { onTestFinished } from "vitest";

import type { Published, PublishOptions } from "../staged-file.ts";
import { VolumePath } from "../path.ts";
import { Volume, type VolumeOptions } from "../volume.ts";

export const DEFAULTS: Omit<VolumeOptions, "directory"> = {
  isDurable: false,
  minFreeBytes: 0,
  strayAgeMs: 60_000,
};

/** A folder that is gone when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-volume-"));
  // The synchronous call: the other one cannot remove a tree that is deeper than a path may be long.
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A volume that is closed, and its directory gone, when the test ends. */
export async function temporaryVolume(
  options: Partial<VolumeOptions> = {},
): Promise<{ volume: Volume; directory: string }> {
  const directory = options.directory ?? (await temporaryFolder());
  const volume = await Volume.open({ ...DEFAULTS, ...options, directory });
  onTestFinished(() => volume.close());
  return { volume, directory };
}

/** The path that `text` is; short, because every test says it. */
export function at(text: string): VolumePath {
  return VolumePath.parse(text);
}

/** Publishes `text` under `path`, replacing what has the name unless told otherwise. */
export async function put(
  volume: Volume,
  path: string,
  text: string,
  options: PublishOptions = { replace: true },
): Promise<Published> {
  await using file = await volume.stage();
  writeSync(file.fd, text);
  return await file.publish(at(path), options);
}

/** Reads a file through the volume, together with its entity tag. */
export async function read(volume: Volume, path: string): Promise<{ text: string; etag: string }> {
  await using file = await volume.openFile(at(path));
  return { text: await readFile(`/dev/fd/${file.fd}`, "utf8"), etag: file.etag };
}

/** The names of everything in a directory of the volume, in order. */
export async function namesIn(volume: Volume, path = "/"): Promise<string[]> {
  const { entries } = await volume.list(at(path), { sort: "name", order: "asc", limit: 10_000 });
  return entries.map(({ name }) => name);
}

/** The files that stand in staging folders, and in no published place. */
export async function stagedIn(directory: string): Promise<string[]> {
  const staging = join(directory, ".wharf", "staging");
  const entries = await readdir(staging, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.parentPath !== staging)
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Does `work` again and again until `other` has ended. */
export async function during(other: Promise<unknown>, work: () => Promise<void>): Promise<void> {
  const state = { isOver: false };
  const ended = other.finally(() => (state.isOver = true));
  while (!state.isOver) await work();
  await ended;
}

/** Lets everything that is already due run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn();
}

/** What this process has open at or beneath a folder; needs /proc. */
export function openDescriptorsIn(folder: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    const path = linkTarget(`/proc/self/fd/${fd}`);
    return path === folder || path.startsWith(`${folder}/`) ? path : [];
  });
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // the descriptor that the listing itself had open
  }
}
