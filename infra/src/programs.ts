import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

import { ClusterError } from "./errors.ts";

/** A program on the operator's machine failed, or is not there. */
export class ProgramError extends ClusterError {
  constructor(command: string, reason: string, hint?: string) {
    super("PROGRAM_FAILED", `${command}: ${reason}`, { hint });
  }
}

/** What a program on this machine is run with. */
export interface ProgramOptions {
  readonly folder?: string;
  /** The whole environment; this program's own unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Is told each line that it writes on standard error while it runs. */
  readonly onLine?: (line: string) => void;
}

/**
 * Runs a program on the operator's machine and resolves to what it wrote on standard output.
 *
 * @throws {ProgramError} when it is missing or ends with another status than 0, with the end of what it complained of
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.folder === undefined ? {} : { cwd: options.folder }),
    ...(options.environment === undefined ? {} : { env: options.environment }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    complaint = (complaint + chunk).slice(-4_000);
    for (const line of chunk.split("\n")) if (line.trim() !== "") options.onLine?.(line);
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.once("error", reject).once("close", resolve),
  );
  const [stdout, status] = await Promise.all([text(child.stdout), ended]).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      throw new ProgramError(program, "there is no such program on this machine");
    throw error;
  });
  if (status !== 0)
    throw new ProgramError(
      [program, ...args].join(" "),
      `ended with status ${status}\n${complaint.trimEnd()}`,
    );
  return stdout;
}

/** What the programs that this one uses say of their versions, by name. Those that are missing are left out. */
export async function versions(): Promise<ReadonlyMap<string, string>> {
  const asked: readonly (readonly [string, string, readonly string[]])[] = [
    ["ssh", "ssh", ["-V"]],
    ["tar", "tar", ["--version"]],
    ["docker", "docker", ["--version"]],
    ["docker buildx", "docker", ["buildx", "version"]],
  ];
  const found = new Map<string, string>();
  for (const [name, program, args] of asked) {
    let version = "";
    try {
      // ssh says it on standard error.
      version = (await runProgram(program, args, { onLine: (line) => (version ||= line) })) || version;
    } catch (error) {
      if (error instanceof ProgramError) continue;
      throw error;
    }
    found.set(name, version.split("\n")[0]?.trim() ?? "");
  }
  return found;
}
