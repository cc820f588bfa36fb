import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { NodeCommandError, NodeUnreachableError } from "../errors.ts";
import { likelyCause } from "./likely-cause.ts";
import type { Node, Output, RunOptions } from "./node.ts";
import { commandLine, exports } from "./quote.ts";
import type { Secrets } from "./secrets.ts";
import { SshConnection, type ConnectionOptions } from "./ssh-connection.ts";
import { loginCommand, type SshTarget } from "./ssh-login.ts";
import { Lines, type Entry, type Transcript } from "./transcript.ts";

const TIMEOUT_MS = 600_000;
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;
const TAIL_CHARACTERS = 64 * 2 ** 10;
/** How long a command may take to end when it is told to, before its connection is cut. The guard takes 10 seconds. */
const STOP_PATIENCE_MS = 15_000;

/** What all nodes of one run share. */
export interface SshNodeOptions extends Omit<ConnectionOptions, "socket" | "signal"> {
  readonly transcript: Transcript;
  readonly secrets: Secrets;
  /** For every command that is given none. */
  readonly signal: AbortSignal;
  /** A new path for a control socket. */
  readonly newSocket: () => string;
}

/** A machine reached by the system's ssh, with one connection for all commands, made when it is first needed. */
export class SshNode implements Node {
  readonly name: string;
  readonly login: Node["login"];
  readonly #target: SshTarget;
  readonly #options: SshNodeOptions;
  #connection: Promise<SshConnection> | undefined;

  constructor(target: SshTarget, options: SshNodeOptions) {
    this.name = target.name;
    this.login = loginCommand(target, options.knownHosts);
    this.#target = target;
    this.#options = options;
  }

  run(script: string, options: RunOptions = {}): Promise<Output> {
    return this.#execute(script, undefined, options);
  }

  feed(command: string, bytes: Readable, options: RunOptions = {}): Promise<Output> {
    return this.#execute(command, bytes, options);
  }

  /** Ends what still runs on the node, and the connection. */
  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }

  async #execute(script: string, bytes: Readable | undefined, options: RunOptions): Promise<Output> {
    const signal = AbortSignal.any([this.#options.signal, ...(options.signal ? [options.signal] : [])]);
    signal.throwIfAborted();
    for (const secret of Object.values(options.secrets ?? {})) this.#options.secrets.add(secret);
    const whole = `${exports({ ...options.variables, ...options.secrets })}${script}`;
    const entry = { node: this.name, step: options.step ?? firstLine(script), script: whole };
    const attempt = async () => {
      const connection = await this.#connect(signal);
      const running = new RunningCommand(connection, whole, bytes, { entry, options, ...this.#options });
      return { connection, ended: await running.wait(signal, options.timeoutMs ?? TIMEOUT_MS) };
    };
    let { connection, ended } = await attempt();
    // What it was to be fed is gone as well: only a script can be begun anew.
    if (bytes === undefined && neverBegan(ended)) {
      await connection.close();
      ({ connection, ended } = await attempt());
    }
    if (ended.status === 0 && ended.reason === undefined) return ended;
    // ssh itself failed, or was killed by someone else.
    if (ended.status === 255 || (ended.status === null && ended.reason === undefined))
      throw this.#lost(ended.stderr);
    const shown = options.hasSecretOutput === true ? { ...ended, stdout: "" } : ended;
    throw this.#failed(entry, shown, connection.usesSudo);
  }

  #connect(signal: AbortSignal): Promise<SshConnection> {
    this.#connection ??= this.#open(signal);
    return this.#connection;
  }

  /** A connection that could not be made, or is gone, is made anew for the next command. */
  async #open(signal: AbortSignal): Promise<SshConnection> {
    try {
      const { newSocket, ...options } = this.#options;
      const connection = await SshConnection.open(this.#target, { ...options, socket: newSocket(), signal });
      void connection.closed.then(() => {
        this.#connection = undefined;
      });
      return connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  #lost(stderr: string): NodeUnreachableError {
    const reason = stderr.trim().split("\n").at(-1) ?? "";
    return new NodeUnreachableError(
      this.name,
      `the connection was lost: ${this.#options.secrets.mask(reason) || "no word why"}`,
      commandLine([...this.login, "true"]),
      "What ran there is ended by the node itself within a minute. The same command again goes on from there.",
    );
  }

  #failed(entry: Entry, ended: Ended, usesSudo: boolean): NodeCommandError {
    const { secrets, transcript } = this.#options;
    const shell = usesSudo ? "sudo -n sh -eu -s" : "sh -eu -s";
    const script = transcript.keep(entry);
    return new NodeCommandError({
      node: this.name,
      step: entry.step,
      command: `${commandLine([...this.login, shell])} < ${commandLine([script])}`,
      status: ended.status,
      stdout: secrets.mask(ended.stdout).slice(-TAIL_CHARACTERS),
      stderr: secrets.mask(ended.stderr).slice(-TAIL_CHARACTERS),
      reason: ended.reason,
      likelyCause: likelyCause(ended.stderr) ?? likelyCause(ended.stdout),
    });
  }
}

/** The connection had gone before this command, and nobody had noticed yet. */
function neverBegan({ status, stderr }: Ended): boolean {
  return status === 255 && /^Control socket connect/m.test(stderr);
}

interface Ended extends Output {
  readonly status: number | null;
  /** Why it was ended, if it did not end by itself. */
  readonly reason: string | undefined;
}

/** One command from its beginning to its end, with what it writes on the way. */
class RunningCommand {
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

function firstLine(script: string): string {
  return (script.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#")) ?? "")
    .trim()
    .slice(0, 60);
}
