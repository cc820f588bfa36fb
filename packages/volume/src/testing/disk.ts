import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { temporaryFolder } from "./volume.ts";

/** Whether this process may mount: on Linux, as root with the right capability. */
export const canMount = tryToMount();

/** A disk of its own in memory, unmounted when the test ends. */
export async function mountDisk(options: string): Promise<string> {
  return await mountNew(["-t", "tmpfs", "-o", options, "wharf-test"]);
}

/** A disk that takes its times from the clock's last tick, as all did before Linux 6.13 and many still do. */
export async function mountCoarseDisk(): Promise<string> {
  return await mountNew(["-t", "ramfs", "wharf-test"]);
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

function tryToMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "wharf-mount-"));
  const isMounted = spawnSync("mount", ["-t", "tmpfs", "wharf-test", directory]).status === 0;
  if (isMounted) spawnSync("umount", [directory]);
  rmdirSync(directory);
  return isMounted;
}
