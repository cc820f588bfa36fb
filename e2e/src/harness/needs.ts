import { existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";

import { programFolders, target } from "./environment.ts";

/** What a suite lacks on this machine, in words; undefined when it lacks nothing. */
export type Need = string | undefined;

/** A suite that is skipped, and says in its name why, when something it needs is missing. */
export function describeWith(name: string, needs: readonly Need[], body: () => void): void {
  const missing = needs.filter((need) => need !== undefined);
  const why = missing.length === 0 ? "" : ` [skipped: ${missing.join("; ")}]`;
  // The usual report counts what was skipped and no more.
  if (missing.length > 0) console.warn(`skipped, as it ${missing.join(", ")}: ${name}`);
  describe.skipIf(missing.length > 0)(`${name}${why}`, () => {
    body();
  });
}

/** For suites that kill, configure or look into a service: a target's is not theirs. */
export const ownServices: Need = target && "needs to start the services itself";

/** For suites that look into `/proc`, or use loopback addresses that only Linux has unasked. */
export const linux: Need = process.platform === "linux" ? undefined : "needs Linux";

/** @returns undefined when the program is installed */
export function program(name: string): Need {
  return findProgram(name) === undefined ? `needs ${name}, which is not installed` : undefined;
}

/** The path of an installed program. */
export function findProgram(name: string): string | undefined {
  return programFolders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** @returns undefined when temporary files may take that much */
export function freeSpace(gibibytes: number): Need {
  const { bavail, bsize } = statfsSync(tmpdir());
  return bavail * bsize < gibibytes * 2 ** 30 ? `needs ${gibibytes} GiB of free disk` : undefined;
}

/** @returns undefined when this process may mount a memory file system */
export function mounting(): Need {
  const folder = mkdtempSync(join(tmpdir(), "wharf-e2e-probe-"));
  try {
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]);
    if (mounted.status !== 0) return "needs to mount a tmpfs";
    spawnSync("umount", [folder]);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
