import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll } from "vitest";

import { commandOf, type AppName, type Environment } from "./command.ts";
import { processOf, removeContainers } from "./container.ts";
import { makeFolder, removeFolder } from "./folder.ts";

const START_LIMIT_MS = 30_000;

export type { AppName, Environment } from "./command.ts";

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A service that this run started. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  /** What it has logged so far, a line an element. */
  readonly log: readonly string[];
  readonly exited: Promise<Exit>;
  /** Sends it a signal and waits for its end. */
  end(signal: NodeJS.Signals): Promise<Exit>;
}

/** What is spawned, and the container that is to end with it. */
const running = new Map<ChildProcess, string | undefined>();
process.once("exit", () => {
  for (const child of running.keys()) child.kill("SIGKILL");
  removeContainers([...running.values()].filter((container) => container !== undefined));
});
// So vitest ends its processes.
process.once("SIGTERM", () => process.exit());

/**
 * Starts a service on a free port, from its source or in a container, and waits until it listens.
 *
 * @throws with its output when it ends before that
 */
export async function startService(app: AppName, env: Environment): Promise<Service> {
  const { child, container, exited, log, errors } = launch(app, env);
  const url = await new Promise<string>((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`${app} did not listen in time`)), START_LIMIT_MS);
    log.onLine((line) => {
      const [, address] = new RegExp(`${app} listens on (http://[^\\s"]+)`).exec(line) ?? [];
      if (address !== undefined) found(address);
    });
    void exited.then(({ code }) => failed(new Error(`${app} ended with ${code}: ${errors()}`)));
    void exited.then(() => clearTimeout(timer));
  });
  const pid = container === undefined ? child.pid : await processOf(container);
  if (!pid) throw new Error(`${app} has no process id`);
  const end = (signal: NodeJS.Signals): Promise<Exit> => {
    if (running.has(child)) sendSignal(pid, signal);
    return exited;
  };
  return { url, pid, log: log.lines, exited, end };
}

/** Starts a service that is expected to end by itself, and resolves to how, and to what it wrote on standard error. */
export async function runToEnd(app: AppName, env: Environment): Promise<Exit & { readonly errors: string }> {
  const { child, container, exited, errors } = launch(app, env);
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    if (container !== undefined) removeContainers([container]);
  }, START_LIMIT_MS);
  const exit = await exited;
  clearTimeout(timer);
  return { ...exit, errors: errors() };
}

/** A service for the suite that calls this, on a volume of its own; set when its first test runs. */
export function useService(
  app: AppName,
  env: Environment = {},
): { url: string; volume: string; pid: number } {
  const state = { url: "", volume: "", pid: 0 };
  let service: Service | undefined;
  beforeAll(async () => {
    state.volume = await makeFolder();
    service = await startService(app, { VOLUME_DIR: state.volume, ...env });
    Object.assign(state, { url: service.url, pid: service.pid });
  });
  afterAll(async () => {
    await service?.end("SIGKILL");
    await removeFolder(state.volume);
  });
  return state;
}

/** Sends it also to a process that is ending just now, which then does not matter. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function launch(app: AppName, env: Environment) {
  const { file, args, container, ...options } = commandOf(app, env);
  const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  running.set(child, container);
  const exited = new Promise<Exit>((done) => {
    child.once("close", (code, signal) => {
      running.delete(child);
      done({ code, signal });
    });
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => lines.push(line));
  const onLine = (listener: (line: string) => void): void => void reader.on("line", listener);
  return { child, container, exited, log: { lines, onLine }, errors: () => errors };
}
