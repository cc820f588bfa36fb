import type { Run } from "./compare.ts";
import { runProgram } from "./program.ts";

/**
 * Runs aria2 to its end. Without allocation beforehand: of its four ways that is among the fastest on ext4, and its
 * default (`prealloc`) costs it extra.
 *
 * @param args its connections, and what it is to fetch
 * @throws Error when not everything was fetched
 */
export function aria2(directory: string, ...args: readonly string[]): Promise<Run> {
  return runProgram("aria2c", [
    "--no-conf",
    "--quiet",
    "--allow-overwrite=true",
    "--file-allocation=none",
    `--dir=${directory}`,
    ...args,
  ]);
}
