import { accessSync, constants, mkdirSync } from "node:fs";

import { StateFolderError } from "../errors.ts";

/** Beside the inventory: `cluster.yaml` has `cluster.state`. */
export function stateFolderOf(file: string): string {
  return `${file.replace(/\.ya?ml$/, "")}.state`;
}

/**
 * Makes a state folder where there is none, for its owner alone.
 *
 * @throws {StateFolderError} when nothing can be written there
 */
export function makeStateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new StateFolderError(folder, error as Error);
  }
}
