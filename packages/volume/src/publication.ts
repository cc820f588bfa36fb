import { link, lstat, rename, rm } from "node:fs/promises";

import type { Directory } from "./directory.ts";
import { toEntry, type Entry } from "./entries.ts";
import {
  AlreadyExistsError,
  ConditionFailedError,
  errno,
  IsDirectoryError,
  NotRegularError,
  unless,
} from "./errors.ts";
import type { VolumePath } from "./path.ts";

/** When a staged file may be given a name, and how. */
export interface NameOptions {
  /** Whether a file that has the name may be replaced; default false. */
  readonly replace?: boolean;
  /**
   * Judged at the moment of publication against the version that has the name then (undefined: none), with nobody
   * able to change it in between.
   */
  readonly condition?: ((current: Entry | undefined) => boolean) | undefined;
  /** Leaves the staging name in place, a second link to the published file, until it is discarded. */
  readonly keepStaged?: boolean;
}

/** Runs work alone among all replacements and removals on a volume, in every process. */
export interface Exclusion {
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Gives the file that is staged at the system's path `staged` its name in `parent`, and returns whether that was free
 * before. A staging name that is not to be kept may be left all the same; the caller removes it.
 *
 * Creating is a `link`, which never replaces, and needs no lock. Replacing is a `rename` under the volume's lock, which
 * every replacement and removal takes, so that a condition that was judged true is still true when the name changes.
 *
 * @throws {AlreadyExistsError} {@link ConditionFailedError} {@link IsDirectoryError} {@link NotRegularError}; the
 * system's error
 */
export async function giveName(
  staged: string,
  parent: Directory,
  path: VolumePath,
  volume: Exclusion,
  options: NameOptions,
): Promise<boolean> {
  const target = parent.at(path.name);
  const allows = options.condition ?? (() => true);
  for (;;) {
    if (allows(undefined) && (await linkIfFree(staged, target))) return true;
    const hasReplaced = await volume.exclusively(async () => {
      const current = await currentAt(target, path);
      if (!allows(current)) throw new ConditionFailedError(path.toString());
      if (!current) return false; // it vanished since: create after all
      if (!options.replace) throw new AlreadyExistsError(path.toString());
      await (options.keepStaged ? moveSecondLink(staged, target) : rename(staged, target));
      return true;
    });
    if (hasReplaced) return false;
  }
}

/** The version that has the name; undefined when it is free. */
async function currentAt(target: string, path: VolumePath): Promise<Entry | undefined> {
  const stats = await lstat(target, { bigint: true }).catch(unless("ENOENT"));
  const current = stats && toEntry(path.name, stats);
  if (stats && !current) throw new NotRegularError(path.toString());
  if (current?.type === "directory") throw new IsDirectoryError(path.toString());
  return current;
}

/** The name through which a kept staging file replaces another: `rename` takes the name it is given away. */
export function secondName(staged: string): string {
  return `${staged}~`;
}

async function moveSecondLink(staged: string, target: string): Promise<void> {
  const second = secondName(staged);
  await rm(second, { force: true });
  await link(staged, second);
  await rename(second, target);
  // Two links to one file `rename` leaves as they are: it was published under this name before.
  await rm(second, { force: true });
}

async function linkIfFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errno(error) === "EEXIST") return false;
    throw error;
  }
}
