import {
  ClusterError,
  InventoryError,
  NodeCommandError,
  NodeUnreachableError,
  UsageError,
} from "../errors.ts";
import type { ExitStatus } from "./verb.ts";

const TAIL_LINES = 20;

/** The status that a failure ends the program with. */
export function exitStatus(error: unknown): ExitStatus {
  return error instanceof UsageError || error instanceof InventoryError ? 2 : 1;
}

/** A failure as the operator reads it: what, where, the command to try it with, its output, what to do. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof ClusterError)) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const lines = [error.message];
  if (error instanceof NodeCommandError) {
    lines.push(...block("output", tail(error.stdout)), ...block("errors", tail(error.stderr)));
  }
  if (error instanceof NodeCommandError || error instanceof NodeUnreachableError) {
    lines.push("", "try it:", `  ${error.command}`);
  }
  if (error.hint !== undefined) lines.push("", error.hint);
  return lines.join("\n");
}

/** A failure as `--json` prints it. */
export function failureDocument(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { code: "UNKNOWN", message: String(error) };
  if (!(error instanceof ClusterError))
    return { code: "INTERNAL", message: error.message, stack: error.stack };
  const { code, message, hint } = error;
  if (error instanceof InventoryError) return { code, message, hint, problems: error.problems };
  if (error instanceof NodeCommandError) {
    const { node, step, command, status, stdout, stderr } = error;
    return { code, message, hint, node, step, command, status, stdout, stderr };
  }
  if (error instanceof NodeUnreachableError) {
    return { code, message, hint, node: error.node, command: error.command };
  }
  return { code, message, hint };
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function tail(text: string): string[] {
  const lines = text.trimEnd().split("\n");
  if (lines.length === 1 && lines[0] === "") return [];
  return lines.length > TAIL_LINES ? ["…", ...lines.slice(-TAIL_LINES)] : lines;
}
