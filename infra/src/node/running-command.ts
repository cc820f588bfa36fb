import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { Output, RunOptions } from "./node.ts";
import type { SshConnection } from "./ssh-connection.ts";
import { Lines, type Entry, type Transcript } from "./transcript.ts";

const MAX_OUTPUT_BYTES = 64 * 2 ** 20;
/** How long a command may take to end when it is told to, before its connection is cut. The guard takes 10 seconds. */
const STOP_PATIENCE_MS = 15_000;

/** How a command ended. */
export interface Ended extends Output {
  /** ssh's own is 255; null when it was ended, or ssh killed. */
  readonly status: number | null;
  /** Why it was ended, if it did not end by itself. */
  readonly reason: string | undefined;
}

/** One command from its beginning to its end, with what it writes on the way. */
export class RunningCommand {
  readonly #connection: SshConnection;
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #entry: Entry;
  readonly #transcript: Transcript;
  #bytes = 0;
  #reason: string | undefined;

  constructor(
    connection: SshConnection,
    script: string,
    bytes: Readable | undefined,
    about: { entry: Entry; options: RunOptions; transcript: Transcript },
  ) {
    this.#connection = connection;
    this.#entry = about.entry;
    this.#transcript = about.transcript;
    const { name, child } = connection.command(script, bytes !== undefined);
    this.#name = name;
    this.#child = child;
    this.#transcript.begin(about.entry);
    this.#collect(child.stdout, this.#stdout, about.options.hasSecretOutput === true);
    this.#collect(child.stderr, this.#stderr, false);
    if (bytes === undefined) child.stdin.end();
    else void this.#feed(bytes);
  }

  async wait(signal: AbortSignal, timeoutMs: number): Promise<Ended> {
    const startedAt = performance.now();
    const stop = () => this.#stop("interrupted");
    const timer = setTimeout(() => this.#stop(`not done after ${timeoutMs / 1000} s`), timeoutMs);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const code = await new Promise<number | null>((resolve) => void this.#child.once("close", resolve));
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    const status = this.#reason === undefined ? code : null;
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    this.#transcript.end(this.#entry, `${this.#reason ?? `status ${status}`} after ${seconds} s`);
    return { status, reason: this.#reason, stdout: join(this.#stdout), stderr: join(this.#stderr) };
  }

  #stop(reason: string): void {
    this.#reason ??= reason;
    this.#connection.stop(this.#name);
    const timer = setTimeout(() => this.#child.kill(), STOP_PATIENCE_MS);
    this.#child.once("close", () => clearTimeout(timer));
  }

  async #feed(bytes: Readable): Promise<void> {
    try {
      await pipeline(bytes, this.#child.stdin);
    } catch (error) {
      // The command may simply have read enough, or failed, which its status tells.
      if (bytes.errored !== null && !isBrokenPipe(error))
        this.#stop(`could not read what it was fed: ${String(error)}`);
    }
  }

  #collect(stream: Readable, chunks: Buffer[], isSecret: boolean): void {
    const lines = new Lines();
    const write = (some: readonly string[]) => {
      if (some.length > 0 && !isSecret) this.#transcript.output(this.#entry, some);
    };
    stream.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
      if (this.#bytes > MAX_OUTPUT_BYTES) return this.#stop("wrote more than 64 MiB");
      chunks.push(chunk);
      write(lines.push(chunk));
    });
    stream.once("end", () => write(lines.flush()));
  }
}

function join(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString();
}

function isBrokenPipe(error: unknown): boolean {
  return ["EPIPE", "ECONNRESET", "ERR_STREAM_PREMATURE_CLOSE"].includes(
    (error as NodeJS.ErrnoException).code ?? "",
  );
}
