import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";

import { findProgram } from "./needs.ts";

/** What a program left behind. */
export interface Result {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly input?: Readable;
  readonly limitMs?: number;
}

/** Runs a program to its end, without a proxy or a configuration of the user's. */
export async function run(name: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const chunks: Buffer[] = [];
  const { code, stderr } = await stream(name, args, (chunk) => chunks.push(chunk), options);
  return { code, stderr, stdout: Buffer.concat(chunks) };
}

/** `curl`, silent but for errors, URLs taken as they are. */
export function curl(args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return run("curl", ["--disable", "--silent", "--show-error", "--globoff", ...args], options);
}

/** What came of one request by curl. */
export interface CurlAnswer {
  readonly code: number | null;
  readonly status: number;
  readonly body: string;
  /** How many bytes of a body curl sent. */
  readonly sent: number;
  /** With `-v`, the headers of both sides. */
  readonly trace: string;
}

/** One request by curl, with the status it was answered with. */
export async function curlAnswer(args: readonly string[], options: RunOptions = {}): Promise<CurlAnswer> {
  const { code, stdout, stderr } = await curl(["-w", "\n%{http_code} %{size_upload}", ...args], options);
  const text = stdout.toString();
  const end = text.lastIndexOf("\n");
  const [status, sent] = text
    .slice(end + 1)
    .split(" ")
    .map(Number);
  return { code, status: status ?? 0, body: text.slice(0, end), sent: sent ?? NaN, trace: stderr };
}

/** The SHA-256, in hexadecimal, of what curl reads from a URL. */
export async function curlHash(
  url: string,
  options: readonly string[] = [],
): Promise<{ code: number | null; sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  const args = ["--disable", "--silent", "--show-error", "--fail", ...options, url];
  const { code } = await stream("curl", args, (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  return { code, sha256: hash.digest("hex"), bytes };
}

async function stream(
  name: string,
  args: readonly string[],
  onData: (chunk: Buffer) => void,
  { cwd, input, limitMs = 300_000 }: RunOptions = {},
): Promise<{ code: number | null; stderr: string }> {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  const child = spawn(path, args, {
    cwd,
    env: { LC_ALL: "C.UTF-8", HOME: "/nonexistent", WGETRC: "/dev/null" },
    stdio: [input ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
  let stderr = "";
  child.stdout?.on("data", onData);
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  if (input && child.stdin) {
    child.stdin.on("error", () => input.destroy()); // the program has enough; its code says whether that is right
    input.pipe(child.stdin);
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  return { code, stderr };
}
