import { spawn } from "node:child_process";
import { isatty } from "node:tty";

import { NodeUnreachableError } from "../errors.ts";
import type { Node } from "./node.ts";

/** The program and its arguments that `attach` runs. */
export function attachLine(node: Node, command: string | undefined): readonly [string, ...string[]] {
  const [program, ...args] = node.login;
  const terminal = isatty(0) && isatty(1) ? ["-t"] : [];
  return [program, ...terminal, ...args, ...(command === undefined ? [] : [command])];
}

/**
 * Runs a command on a node with this process' own standard input, output and errors, and resolves to its exit status.
 * With a terminal on both ends it gets one there; without a command, that is a shell.
 *
 * @param command for the login shell; what must not be split is quoted
 * @throws {NodeUnreachableError} when the program that logs in cannot be started
 */
export async function attach(node: Node, command: string | undefined, signal: AbortSignal): Promise<number> {
  const [program, ...args] = attachLine(node, command);
  const child = spawn(program, args, { stdio: "inherit" });
  // At a terminal Ctrl-C goes to the other end.
  const end = () => child.kill();
  signal.addEventListener("abort", end, { once: true });
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, killedBy) => resolve(status ?? (killedBy === null ? 1 : 128)));
    });
  } catch (error) {
    throw new NodeUnreachableError(node.name, (error as Error).message, node.login.join(" "));
  } finally {
    signal.removeEventListener("abort", end);
  }
}
