import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { temporaryFolder } from "./volume.ts";

/** Whether this process may mount: on Linux, as root with the right capability. */
export const canMount = tryToMount("-t", "tmpfs", "wharf-test");

/** Whether this process may also make a disk out of a file: that takes mke2fs and a loop device. */
export function canMountImages(): boolean {
  if (!canMount || spawnSync("mke2fs", ["-V"]).error) return false;
  const folder = mkdtempSync(join(tmpdir(), "wharf-image-"));
  try {
    return tryToMount("-o", "loop", "-t", "ext3", makeCoarseImage(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A disk of its own in memory, unmounted when the test ends. */
export async function mountDisk(options: string): Promise<string> {
  return await mountNew(["-t", "tmpfs", "-o", options, "wharf-test"]);
}

/** Mounts a disk in memory on a directory that exists; unmounted when the test ends. */
export function mountAt(directory: string): void {
  mount(["-t", "tmpfs", "wharf-test", directory], directory);
}

/**
 * A disk that takes its times from the clock's last tick, as all did before Linux 6.13 and many still do, and gives a
 * removed file's inode to the next one.
 */
export async function mountCoarseDisk(): Promise<string> {
  const image = makeCoarseImage(await temporaryFolder());
  return await mountNew(["-o", "loop", "-t", "ext3", image]);
}

function makeCoarseImage(folder: string): string {
  const image = join(folder, "image");
  writeFileSync(image, "");
  truncateSync(image, 16 << 20);
  execFileSync("mke2fs", ["-q", "-t", "ext3", "-I", "256", image]);
  return image;
}

async function mountNew(args: readonly string[]): Promise<string> {
  const directory = join(await temporaryFolder(), "disk");
  mkdirSync(directory);
  mount([...args, directory], directory);
  return directory;
}

/** A second, read-only view of `directory`, as a container may be given one; unmounted when the test ends. */
export async function mountReadOnly(directory: string): Promise<{ view: string; allowWriting: () => void }> {
  const view = join(await temporaryFolder(), "view");
  mkdirSync(view);
  mount(["--bind", directory, view], view);
  execFileSync("mount", ["-o", "remount,bind,ro", view]);
  return { view, allowWriting: () => execFileSync("mount", ["-o", "remount,bind,rw", view]) };
}

function mount(args: readonly string[], directory: string): void {
  execFileSync("mount", args);
  // Lazily: a test that failed may have left a file open, and what stays mounted cannot be cleaned up.
  onTestFinished(() => void execFileSync("umount", ["--lazy", directory]));
}

function tryToMount(...args: readonly string[]): boolean {
  const directory = mkdtempSync(join(tmpdir(), "wharf-mount-"));
  const isMounted = spawnSync("mount", [...args, directory]).status === 0;
  if (isMounted) spawnSync("umount", [directory]);
  rmdirSync(directory);
  return isMounted;
}
