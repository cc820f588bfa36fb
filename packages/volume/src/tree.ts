import { randomBytes } from "node:crypto";
import { readdir, rename, rmdir, unlink } from "node:fs/promises";

import { errno } from "./errors.ts";

const PARALLEL = 8;

/**
 * Removes what no client can reach any more: a file, a link, or a directory with everything in it. That there is
 * nothing is fine.
 *
 * A tree may be deeper than a path may be long (`PATH_MAX`, 4,096 bytes), and no call could name its end. So each
 * directory that is met is rid of its directories by moving those up to the top: no path gets longer than three names,
 * and what a crash leaves is still in one place.
 */
export async function removeTree(top: string): Promise<void> {
  for (;;) {
    try {
      return await rmdir(top);
    } catch (error) {
      if (errno(error) === "ENOENT") return;
      if (errno(error) === "ENOTDIR") return unlink(top);
      if (errno(error) !== "ENOTEMPTY") throw error;
    }
    await eachEntry(Buffer.from(top), async (directory) => {
      await eachEntry(directory, (inner) => rename(inner, `${top}/${randomBytes(12).toString("hex")}`));
      await rmdir(directory).catch((error: unknown) => {
        // A process that had it open put something there since: it is met in the next round.
        if (errno(error) !== "ENOTEMPTY") throw error;
      });
    });
  }
}

/** Removes all that is not a directory, and calls `onDirectory` for each one that is; several at a time. */
async function eachEntry(directory: Buffer, onDirectory: (path: Buffer) => Promise<void>): Promise<void> {
  // As bytes: a name that is not UTF-8 would not find its way back.
  const entries = await readdir(directory, { withFileTypes: true, encoding: "buffer" });
  const next = entries.values();
  const work = async (): Promise<void> => {
    for (const entry of next) {
      const path = Buffer.concat([directory, Buffer.from("/"), entry.name]);
      await (entry.isDirectory() ? onDirectory(path) : unlink(path)).catch((error: unknown) => {
        if (errno(error) !== "ENOENT") throw error; // another process is sweeping, too
      });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}
