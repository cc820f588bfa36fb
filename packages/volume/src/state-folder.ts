import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

import { unless } from "./errors.ts";

/** Makes a directory unless there is one; its parent must exist. */
export async function makeIfMissing(directory: string): Promise<void> {
  await mkdir(directory).catch(unless("EEXIST"));
}

/**
 * Makes a folder of Wharf's own and the reserved directory it stands in. Never the volume: one that is made where a
 * volume has gone would pass for an empty volume.
 *
 * @throws the system's error: `ENOENT` when the volume is gone
 */
export async function makeStateFolder(folder: string): Promise<void> {
  await makeIfMissing(dirname(folder));
  await makeIfMissing(folder);
}
