import { createInterface } from "node:readline/promises";

import { openCluster } from "./cluster-access.ts";
import { runCommandLine } from "./run.ts";
import type { ExitStatus, Verb } from "./verb.ts";

/**
 * The life of one command: from the process's arguments to its exit status. Ctrl-C ends what runs on the nodes and then
 * the program; a second one ends the program at once, and the nodes end what was begun for it by themselves.
 */
export async function runProcess(process: NodeJS.Process, verbs: readonly Verb[]): Promise<ExitStatus> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      if (interrupted.signal.aborted) process.exit(1);
      process.stderr.write("\nEnding what was begun; once more to leave at once.\n");
      interrupted.abort();
    });
  }
  // Whoever read the output has seen enough: `pnpm cluster status | head -n 3`.
  process.stdout.on("error", () => process.exit(1));
  // One that has no width, as under some supervisors, can draw nothing.
  const isTerminal = process.stdout.isTTY && process.stdout.columns > 0;
  return runCommandLine(process.argv.slice(2), verbs, {
    environment: process.env,
    // pnpm runs scripts in the package's folder, and says here where it was called.
    folder: process.env["INIT_CWD"] ?? process.cwd(),
    signal: interrupted.signal,
    isTerminal,
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
    ask: isTerminal && process.stdin.isTTY ? (text) => ask(process, text, interrupted.signal) : undefined,
    openCluster,
  });
}

async function ask(process: NodeJS.Process, question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  // The terminal is ours while it asks: Ctrl-C comes as a key.
  lines.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    return await lines.question(question, { signal });
  } finally {
    lines.close();
  }
}
