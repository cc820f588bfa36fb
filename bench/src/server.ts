import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { Contender } from "./compare.ts";

/** The clock of `/proc/PID/stat`: `USER_HZ` is 100 on every Linux. */
const TICKS_PER_SECOND = 100;
const START_TIMEOUT_MS = 15_000;

/** A server that was started for a bench. */
export interface Server extends AsyncDisposable {
  readonly url: string;
  /** Processor seconds that it and its children have used so far. */
  cpuSeconds(): Promise<number>;
  /** What it has of the machine's memory, in MiB: now, and at the most so far. */
  memory(): Promise<{ now: number; most: number }>;
}

/**
 * Starts a server and waits until something listens on its port.
 *
 * @throws Error with what it printed, when it ends or does not listen in time
 */
export async function startServer(
  command: string,
  args: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  await once(child, "spawn");
  const kill = (): void => void child.kill("SIGKILL");
  process.prependOnceListener("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await answers(url))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      kill();
      throw new Error(`${command} does not listen on ${port}:\n${output}`);
    }
    await sleep(50);
  }
  return {
    url,
    cpuSeconds: () => cpuSeconds(child),
    memory: () => memory(child),
    [Symbol.asyncDispose]: () => end(child),
  };
}

/** A server as a contender: `run` resolves to its seconds, and the processor's are the server's. */
export function contender(server: Server, run: () => Promise<number>): Contender {
  return async () => {
    const before = await server.cpuSeconds();
    const seconds = await run();
    return { seconds, cpuSeconds: (await server.cpuSeconds()) - before };
  };
}

/** A port of the loopback interface that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { redirect: "manual" }).then(
    () => true,
    () => false,
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

async function cpuSeconds({ pid }: ChildProcess): Promise<number> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  let ticks = 0;
  for (const id of processes) {
    const stat = await readFile(`/proc/${id}/stat`, "utf8").catch(() => "");
    // Behind the name in parentheses, which may hold spaces: state, parent, …, utime (12th), stime (13th).
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(id) === pid || Number(fields[1]) === pid) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

async function memory({ pid }: ChildProcess): Promise<{ now: number; most: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const mebibytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]) / 1024;
  return { now: mebibytes("VmRSS"), most: mebibytes("VmHWM") };
}
