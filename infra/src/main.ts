import { createInterface } from "node:readline/promises";

import { openCluster } from "./cli/cluster-access.ts";
import { runCommandLine } from "./cli/run.ts";
import { verbs } from "./verbs/index.ts";

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    // The second one ends the program at once. The nodes notice, and end what was begun for it.
    if (interrupted.signal.aborted) process.exit(1);
    process.stderr.write("\nEnding what runs on the nodes; once more to leave at once.\n");
    interrupted.abort();
  });
}

const isTerminal = process.stdout.isTTY === true;

process.exitCode = await runCommandLine(process.argv.slice(2), verbs, {
  environment: process.env,
  // pnpm runs scripts in the package's folder, and says here where it was called.
  folder: process.env["INIT_CWD"] ?? process.cwd(),
  signal: interrupted.signal,
  isTerminal,
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  ask: isTerminal && process.stdin.isTTY ? ask : undefined,
  openCluster,
});

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await lines.question(question, { signal: interrupted.signal });
  } finally {
    lines.close();
  }
}
