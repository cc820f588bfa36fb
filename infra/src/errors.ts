/**
 * What goes wrong in ways this program knows. `code` is stable; the message is for the operator, who sees it without a
 * stack.
 */
export class ClusterError extends Error {
  readonly code: string;
  /** What to do about it, or what probably caused it. */
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: ErrorOptions & { hint?: string | undefined } = {}) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

/** The command line makes no sense: exit status 2. */
export class UsageError extends ClusterError {
  constructor(message: string, hint?: string) {
    super("USAGE", message, { hint });
  }
}

/** Everything that is wrong with an inventory, each with its place: exit status 2. */
export class InventoryError extends ClusterError {
  /** `cluster.yaml:3:5: what is wrong, and what to do` */
  readonly problems: readonly string[];

  constructor(problems: readonly string[], hint?: string) {
    super("INVENTORY_INVALID", problems.join("\n"), { hint });
    this.problems = problems;
  }
}

/** What is kept of a cluster beside its inventory cannot be written. */
export class StateFolderError extends ClusterError {
  constructor(folder: string, cause: Error) {
    super("STATE_FOLDER", `${folder} cannot be written: ${cause.message}`, {
      cause,
      hint: "Host keys, transcripts and the kubeconfig are kept there: put the inventory into a folder of yours.",
    });
  }
}

/** What is known of a command that failed on a node. */
export interface FailedCommand {
  readonly node: string;
  /** The step it was part of, or the command's first words. */
  readonly step: string;
  /** Ready to be pasted into a shell. Secrets are masked. */
  readonly command: string;
  /** Null when it was ended: too late, or interrupted. */
  readonly status: number | null;
  /** The last 64 KiB, secrets masked. */
  readonly stdout: string;
  readonly stderr: string;
  /** How it ended, when not by itself: `not done after 600 s`. */
  readonly reason?: string | undefined;
  readonly likelyCause?: string | undefined;
}

/** A command failed on a node, did not end in time, or was interrupted. */
export class NodeCommandError extends ClusterError implements FailedCommand {
  readonly node: string;
  readonly step: string;
  readonly command: string;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(failed: FailedCommand) {
    const ended = failed.reason ?? `ended with status ${failed.status}`;
    super("NODE_COMMAND_FAILED", `${failed.node}: ${failed.step}: ${ended}`, { hint: failed.likelyCause });
    this.node = failed.node;
    this.step = failed.step;
    this.command = failed.command;
    this.status = failed.status;
    this.stdout = failed.stdout;
    this.stderr = failed.stderr;
  }
}

/** A node cannot be logged in to as root, or the connection broke. */
export class NodeUnreachableError extends ClusterError {
  readonly node: string;
  readonly command: string;

  constructor(node: string, reason: string, command: string, hint?: string) {
    super("NODE_UNREACHABLE", `${node}: ${reason}`, { hint });
    this.node = node;
    this.command = command;
  }
}

/** Another run is changing the node. */
export class NodeBusyError extends ClusterError {
  readonly node: string;

  constructor(node: string, holder: string) {
    super("NODE_BUSY", `${node}: another run is at work on it: ${holder}`, {
      hint: "Wait until it has ended, or end it where it was started.",
    });
    this.node = node;
  }
}

/** The run was ended by Ctrl-C or a signal. */
export class InterruptedError extends ClusterError {
  constructor() {
    super("INTERRUPTED", "interrupted", {
      hint: "What had begun on the nodes was ended. The same command again goes on from there.",
    });
  }
}
