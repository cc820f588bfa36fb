import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { createClient, OPEN_GUARD, type TestDownloader } from "./downloader.ts";

/** A downloader in a process of its own, as it is started in production. */
export interface DownloaderProcess extends Omit<TestDownloader, "listen" | "close"> {
  /** Everything it has printed. */
  readonly log: () => string;
  /** Sends a signal and waits for the end; resolves to how long that took, in milliseconds. */
  end(signal: "SIGKILL" | "SIGTERM" | "SIGINT"): Promise<number>;
  /** Sends a signal without waiting: to stop the process, or to let it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
}

/** Starts a downloader on `directory`; killed when the test ends. */
export async function spawnDownloader(
  directory: string,
  env: Record<string, string> = {},
): Promise<DownloaderProcess> {
  const child = spawn(process.execPath, ["--conditions=source", join(import.meta.dirname, "../main.ts")], {
    env: {
      ...OPEN_GUARD,
      PORT: "0",
      METRICS_PORT: "",
      VOLUME_DIR: directory,
      MIN_FREE_BYTES: "0",
      LEASE_MS: "1000",
      LOG_FORMAT: "json",
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let log = "";
  const url = await new Promise<string>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      log += chunk.toString();
      const [, address] = /downloader listens on (http:[^"\s]+)/.exec(log) ?? [];
      if (address !== undefined) resolve(address);
    };
    child.stdout.on("data", onData);
    child.stderr.on("data", onData);
    child.once("exit", () => reject(new Error(`it ended before it listened: ${log}`)));
  });
  const ask: TestDownloader["ask"] = async (method, path, body, headers = {}) => {
    const isRaw = typeof body === "string" || Buffer.isBuffer(body);
    const response = await fetch(url + path, {
      method,
      headers: { ...(body !== undefined && !isRaw && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: isRaw ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: (text === "" ? undefined : JSON.parse(text)) as never,
      headers: Object.fromEntries(response.headers),
    };
  };
  return {
    ...createClient(ask, directory),
    ask,
    directory,
    log: () => log,
    end: (signal) => endOf(child, signal),
    signal: (signal) => void child.kill(signal),
  };
}

async function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<number> {
  const start = performance.now();
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
  return performance.now() - start;
}
