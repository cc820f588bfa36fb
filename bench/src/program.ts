import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

import type { Run } from "./compare.ts";

const execute = promisify(execFile);
const TICKS_PER_SECOND = 100;

/**
 * Makes sure that programs are there.
 *
 * @throws Error naming those that are not
 */
export function requirePrograms(names: readonly string[]): void {
  const missing = names.filter((name) => spawnSync(name, ["--version"]).error !== undefined);
  if (missing.length > 0) throw new Error(`Not installed, and needed for this bench: ${missing.join(", ")}.`);
}

/**
 * Runs a program to its end: what it took, and what it printed.
 *
 * @throws Error when its exit status is not 0
 */
export async function runProgram(
  command: string,
  args: readonly string[],
): Promise<Run & { stdout: string }> {
  const cpuBefore = await childrensCpuSeconds();
  const startedAt = performance.now();
  const { stdout } = await execute(command, args);
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, cpuSeconds: (await childrensCpuSeconds()) - cpuBefore, stdout };
}

/** Processor seconds of all children that have ended and been waited for. */
async function childrensCpuSeconds(): Promise<number> {
  const stat = await readFile("/proc/self/stat", "utf8");
  // Behind the name in parentheses: …, cutime (14th), cstime (15th).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}
