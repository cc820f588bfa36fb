import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What a proxy does to the connections through it. */
export interface ResetOptions {
  /** The part of the exchanges that is cut off by a reset, each at a random byte of its response. */
  readonly share: number;
  readonly seed: number;
  /** Bytes a second of all connections together. */
  readonly bytesPerSecond: number;
}

/** What has come of the connections so far. */
export interface ResetCounts {
  readonly connections: number;
  readonly exchanges: number;
  readonly resets: number;
  readonly bytes: number;
}

/** A proxy that this run started. */
export interface ResetProxy {
  readonly url: string;
  counts(): Promise<ResetCounts>;
  close(): Promise<void>;
}

/** Starts a proxy in front of a server of loopback, in a process of its own, that resets some of its connections. */
export async function startResetProxy(upstream: string, options: ResetOptions): Promise<ResetProxy> {
  const args = [new URL(upstream).port, options.share, options.seed, options.bytesPerSecond].map(String);
  const child = fork(join(import.meta.dirname, "reset-proxy-process.ts"), args, { execArgv: [] });
  const [port] = (await once(child, "message")) as [number];
  return {
    url: `http://127.0.0.1:${port}`,
    counts: async () => {
      child.send("counts");
      const [counts] = (await once(child, "message")) as [ResetCounts];
      return counts;
    },
    close: async () => {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
