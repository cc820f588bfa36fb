import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { NodeBusyError, NodeUnreachableError } from "../errors.ts";
import { likelyLoginCause } from "./likely-cause.ts";
import { commandLine, exports } from "./quote.ts";
import { batchLogin, loginCommand, remoteCommand, type SshTarget } from "./ssh-login.ts";

const GUARD = readFileSync(new URL("guard.sh", import.meta.url), "utf8");
const COMMAND = readFileSync(new URL("command.sh", import.meta.url), "utf8");
const HEARTBEAT_MS = 5000;
const CLOSE_PATIENCE_MS = 15_000;

/** What all connections of one run have in common. */
export interface ConnectionOptions {
  readonly knownHosts: string;
  /** A path for the control socket, free and short: sockets' paths are limited to about 100 bytes. */
  readonly socket: string;
  /** Who changes the node, in words; undefined for a run that changes nothing. */
  readonly holder: string | undefined;
  /** How long an earlier run may take to end. */
  readonly patienceSeconds: number;
  /** How long a command may take to end when it is told to, before it is killed. */
  readonly graceSeconds: number;
  /** Told that an earlier run is waited for. */
  readonly notice: (node: string, text: string) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * One connection to a node, that every command shares (ssh's ControlMaster). Its own session runs `guard.sh`, which ends
 * the commands when they are to be stopped, and when this process dies or the line is cut.
 */
export class SshConnection {
  /** Whether root is reached by sudo. */
  readonly usesSudo: boolean;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #target: SshTarget;
  readonly #options: ConnectionOptions;
  readonly #master: ChildProcessWithoutNullStreams;
  readonly #id: string;
  readonly #complaints: () => string;
  #commands = 0;

  private constructor(
    target: SshTarget,
    options: ConnectionOptions,
    master: Master & { id: string; usesSudo: boolean },
  ) {
    this.#target = target;
    this.#options = options;
    this.#master = master.child;
    this.#id = master.id;
    this.usesSudo = master.usesSudo;
    this.closed = master.closed;
    this.#complaints = master.complaints;
    const heartbeat = setInterval(() => this.#tell("alive"), HEARTBEAT_MS);
    void this.closed.then(() => clearInterval(heartbeat));
  }

  /**
   * Logs in, becomes root, and waits for an earlier run to end.
   *
   * @throws {NodeUnreachableError} when that fails
   * @throws {NodeBusyError} when the earlier run goes on
   */
  static async open(target: SshTarget, options: ConnectionOptions): Promise<SshConnection> {
    const id = randomBytes(6).toString("hex");
    const { holder = "", patienceSeconds, graceSeconds } = options;
    const [patience, grace] = [patienceSeconds, graceSeconds].map(String) as [string, string];
    const guard = `${exports({ connection: id, holder, patience, grace })}${GUARD}`;
    const child = start(batchLogin(target, options.knownHosts, options.socket, true), guard);
    const closed = new Promise<void>((resolve) => void child.once("close", () => resolve()));
    let complaint = "";
    child.stderr.on("data", (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-4096);
    });
    const master = { child, closed, complaints: () => complaint.trim() };
    const abort = () => child.kill();
    options.signal?.addEventListener("abort", abort, { once: true });
    try {
      const answer = await firstWord(master, target, options);
      return new SshConnection(target, options, { ...master, id, usesSudo: answer === "ready sudo" });
    } catch (error) {
      child.kill();
      throw error;
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
  }

  /** What ssh said of the connection. */
  get complaint(): string {
    return this.#complaints();
  }

  /** Begins a command. What is written to its standard input, which the caller must end, is the script's if it is fed. */
  command(script: string, isFed: boolean): { name: string; child: ChildProcessWithoutNullStreams } {
    this.#commands += 1;
    const name = String(this.#commands);
    const size = String(Buffer.byteLength(script));
    const head = exports({ connection: this.#id, name, size, fed: isFed ? "yes" : "" });
    const { knownHosts, socket } = this.#options;
    const child = start(batchLogin(this.#target, knownHosts, socket, false), `${head}${COMMAND}`);
    child.stdin.write(script);
    return { name, child };
  }

  /** Ends a command on the node, with everything it started. */
  stop(name: string): void {
    this.#tell(`stop ${name}`);
  }

  /** Ends what still runs, and the connection. */
  async close(): Promise<void> {
    this.#master.stdin.end();
    const timer = setTimeout(() => this.#master.kill(), CLOSE_PATIENCE_MS);
    await this.closed;
    clearTimeout(timer);
  }

  #tell(line: string): void {
    if (this.#master.stdin.writable) this.#master.stdin.write(`${line}\n`);
  }
}

interface Master {
  readonly child: ChildProcessWithoutNullStreams;
  readonly closed: Promise<void>;
  /** What it wrote to standard error until now. */
  readonly complaints: () => string;
}

/** Starts ssh, which feeds a shell program to the other end. */
function start(login: readonly string[], program: string): ChildProcessWithoutNullStreams {
  const remote = remoteCommand(Buffer.byteLength(program));
  // In a process group of its own, or Ctrl-C at the terminal would cut the line before anything could be ended there.
  const child = spawn("ssh", [...login, remote], { detached: true, stdio: "pipe" });
  // Whoever waits for `close` hears of it: the other end may be gone before all is written.
  child.stdin.on("error", () => undefined);
  child.once("error", (error) => child.stderr.emit("data", Buffer.from(error.message)));
  child.stdin.write(program);
  return child;
}

/** Waits until the guard has begun its watch. */
async function firstWord(
  { child, closed, complaints }: Master,
  target: SshTarget,
  options: ConnectionOptions,
): Promise<string> {
  let holder = "";
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("ready")) return line;
    if (line.startsWith("busy ")) {
      holder = line.slice("busy ".length);
      options.notice(target.name, `waiting for an earlier run to end: ${holder}`);
    }
    if (line === "refused") throw new NodeBusyError(target.name, holder);
  }
  await closed;
  const command = commandLine([...loginCommand(target, options.knownHosts), "true"]);
  const reason = complaints() || "the connection was closed";
  throw new NodeUnreachableError(target.name, `cannot log in: ${reason}`, command, likelyLoginCause(reason));
}
