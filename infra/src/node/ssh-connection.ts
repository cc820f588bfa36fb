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
  #commands = 0;

  private constructor(
    target: SshTarget,
    options: ConnectionOptions,
    master: { child: ChildProcessWithoutNullStreams; id: string; usesSudo: boolean; closed: Promise<void> },
  ) {
    this.#target = target;
    this.#options = options;
    this.#master = master.child;
    this.#id = master.id;
    this.usesSudo = master.usesSudo;
    this.closed = master.closed;
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
    const { holder = "", patienceSeconds } = options;
    const guard = `${exports({ connection: id, holder, patience: String(patienceSeconds) })}${GUARD}`;
    const child = start(batchLogin(target, options.knownHosts, options.socket, true), guard);
    const closed = new Promise<void>((resolve) => void child.once("close", () => resolve()));
    const abort = () => child.kill();
    options.signal?.addEventListener("abort", abort, { once: true });
    try {
      const answer = await firstWord({ child, closed }, target, options);
      return new SshConnection(target, options, { child, id, usesSudo: answer === "ready sudo", closed });
    } catch (error) {
      child.kill();
      throw error;
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
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
  { child, closed }: { child: ChildProcessWithoutNullStreams; closed: Promise<void> },
  target: SshTarget,
  options: ConnectionOptions,
): Promise<string> {
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4096);
  });
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
  const reason = complaint.trim() === "" ? "the connection was closed" : complaint.trim();
  throw new NodeUnreachableError(
    target.name,
    `cannot log in: ${reason}`,
    command,
    likelyLoginCause(complaint),
  );
}
