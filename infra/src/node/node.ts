import type { Readable } from "node:stream";

/** What a script is run with. */
export interface RunOptions {
  /** As transcripts and errors name it: `20-containerd`. The script's first line unless given. */
  readonly step?: string;
  /** Variables that the script finds in its environment. Their names are the script's; never secrets. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Likewise, but masked wherever the command or its output is shown or kept. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** What it writes on standard output is a secret: kept out of the transcript and of errors. */
  readonly hasSecretOutput?: boolean;
  /** A command that takes longer has failed. Ten minutes unless told otherwise. */
  readonly timeoutMs?: number;
  /** Ends the command, on the node as well. */
  readonly signal?: AbortSignal;
}

/** What a command that succeeded wrote. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A machine that commands are run on, as root. Abstracts over how it is reached, so that every step can be tried without
 * one.
 */
export interface Node {
  readonly name: string;

  /** The program and its arguments that log in to it as the operator would: `ssh`, `-p`, `22`, `root@192.0.2.11`. A command may follow. */
  readonly login: readonly [program: string, ...arguments_: readonly string[]];

  /**
   * Runs a POSIX sh script, which is fed through standard input: nothing in it may read that.
   *
   * @throws {NodeCommandError} when it ends with another status than 0, or not in time
   * @throws {NodeUnreachableError} when the node cannot be logged in to
   */
  run(script: string, options?: RunOptions): Promise<Output>;

  /**
   * Runs one command with bytes on its standard input: an archive to be imported, a file to be written.
   *
   * @throws as `run` does
   */
  feed(command: string, bytes: Readable, options?: RunOptions): Promise<Output>;
}
