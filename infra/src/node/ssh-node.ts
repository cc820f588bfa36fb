import type { Readable } from "node:stream";

import { NodeCommandError, NodeUnreachableError } from "../errors.ts";
import { likelyCause } from "./likely-cause.ts";
import type { Node, Output, RunOptions } from "./node.ts";
import { commandLine, exports } from "./quote.ts";
import { RunningCommand, type Ended } from "./running-command.ts";
import type { Secrets } from "./secrets.ts";
import { SshConnection, type ConnectionOptions } from "./ssh-connection.ts";
import { loginCommand, type SshTarget } from "./ssh-login.ts";
import type { Entry, Transcript } from "./transcript.ts";

const TIMEOUT_MS = 600_000;
const TAIL_CHARACTERS = 64 * 2 ** 10;

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
    if (ended.status === 0 && ended.reason === undefined)
      return { stdout: ended.stdout, stderr: ended.stderr };
    // ssh itself failed, or was killed by someone else.
    if (ended.status === 255 || (ended.status === null && ended.reason === undefined))
      throw await this.#lost(connection);
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

  async #lost(connection: SshConnection): Promise<NodeUnreachableError> {
    // What is gone for one command is gone for all: the next one begins with another.
    await connection.close();
    const reason = connection.complaint;
    return new NodeUnreachableError(
      this.name,
      `the connection was lost${reason === "" ? "" : `: ${this.#options.secrets.mask(reason)}`}`,
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

function firstLine(script: string): string {
  return (script.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#")) ?? "")
    .trim()
    .slice(0, 60);
}
