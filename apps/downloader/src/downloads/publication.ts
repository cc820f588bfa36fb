import { AlreadyExistsError, isNameTaken, VolumePath, type Volume } from "@wharf/volume";

import type { Download } from "./download.ts";
import { AttemptError } from "./errors.ts";
import type { WorkingFile } from "./working-file.ts";

/** How many names are tried for one file. */
const MAX_NAMES = 10_000;

type Destination = Pick<Download, "path" | "onConflict">;

/**
 * Publishes a whole file under the name it was given, or, when the download says so, under the first that is free:
 * `name (1).ext` and so on. Each path is recorded before it is tried, and the partial file's name stays until its owner
 * has recorded the outcome.
 *
 * @returns the file's path
 */
export async function publishFile(
  volume: Volume,
  file: WorkingFile,
  destination: Destination,
): Promise<string> {
  const { name, modifiedMs } = file.point;
  const wanted = VolumePath.parse(destination.path).child(name ?? "");
  const isRenamed = destination.onConflict === "rename";
  for (let n = 0; n < MAX_NAMES; n++) {
    const path = n === 0 ? wanted : wanted.numbered(n);
    // Only a hint, but once a name was taken it spares a record for each further one that plainly is, too.
    if (n > 0 && (await isTaken(volume, path))) continue;
    await file.offer(path.toString());
    try {
      await file.staged.publish(path, {
        replace: destination.onConflict === "overwrite",
        modifiedMs: modifiedMs ?? undefined,
        keepStaged: true,
      });
      return path.toString();
    } catch (error) {
      if (!isRenamed || !isNameTaken(error)) throw error;
    }
  }
  throw new AttemptError(
    "ALREADY_EXISTS",
    `${wanted.toString()} and ${MAX_NAMES} names like it exist already.`,
  );
}

/**
 * Finds out before a long transfer that its file could not be published. The publication judges again.
 *
 * @throws {AlreadyExistsError} {@link IsDirectoryError} {@link NotRegularError}
 */
export async function requireFreeName(volume: Volume, destination: Destination, name: string): Promise<void> {
  if (destination.onConflict === "rename") return;
  const path = VolumePath.parse(destination.path).child(name);
  const current = await volume.target(path);
  if (current && destination.onConflict === "fail") throw new AlreadyExistsError(path.toString());
}

async function isTaken(volume: Volume, path: VolumePath): Promise<boolean> {
  try {
    return (await volume.target(path)) !== undefined;
  } catch (error) {
    if (isNameTaken(error)) return true;
    throw error;
  }
}
