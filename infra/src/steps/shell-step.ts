import { readFileSync } from "node:fs";

import { NodeCommandError } from "../errors.ts";
import type { Node } from "../node/node.ts";
import { placeOf } from "./place.ts";
import type { Fact, Outcome, Place, Step, StepContext } from "./step.ts";

type Variables = Readonly<Record<string, string>>;

/** A step that is performed by a script of this folder. */
export interface ShellStepDefinition {
  readonly id: string;
  readonly title: string;
  /** The script's file, without `.sh`; named like the step unless given. */
  readonly script?: string;
  /** Files of functions that the script needs beside `lib.sh`: `kubectl`. */
  readonly uses?: readonly string[];
  readonly variables?: (place: Place, context: StepContext) => Variables;
  /** Likewise, kept out of transcripts and errors. */
  readonly secrets?: (place: Place, context: StepContext) => Variables;
  /** Ten minutes unless given. */
  readonly timeoutMs?: number;
}

/** Makes a step of a script: gives it its variables, and reads what it says. */
export function shellStep(definition: ShellStepDefinition): Step {
  const { id, title, variables, secrets, timeoutMs } = definition;
  return {
    id,
    title,
    async run(node, context) {
      const place = placeOf(node, context);
      const script = assemble(definition.script ?? id, definition.uses);
      const output = await perform(node, script, {
        step: id,
        variables: { DRY_RUN: context.isDryRun ? "1" : "0", ...variables?.(place, context) },
        secrets: secrets?.(place, context) ?? {},
        signal: context.signal,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      const { outcome, seen } = readOutput(output);
      for (const [url, sum] of seen) await context.seenChecksums.add(url, sum);
      return outcome;
    },
  };
}

/** A script as it is sent to a node: `lib.sh` and the functions it uses stand before it. */
export function assemble(script: string, uses: readonly string[] = []): string {
  return ["lib", ...uses, script]
    .map((name) => readFileSync(new URL(`${name}.sh`, import.meta.url), "utf8"))
    .join("\n");
}

/** Runs it; an error that it explains itself is told in its own words. */
async function perform(
  node: Node,
  script: string,
  options: NonNullable<Parameters<Node["run"]>[1]>,
): Promise<string> {
  try {
    return (await node.run(script, options)).stdout;
  } catch (error) {
    const explained = error instanceof NodeCommandError ? explanation(error.stderr) : undefined;
    if (explained === undefined || !(error instanceof NodeCommandError)) throw error;
    const { node: name, step, command, status } = error;
    // What its programs said stays; its own words need not be read twice, and what it began to change did not come about.
    const stdout = error.stdout.replace(/^(?:changed|fact|seen): .*\n?/gmu, "");
    const stderr = error.stderr.replace(/^(?:error|fix): .*\n?/gmu, "");
    throw new NodeCommandError({
      node: name,
      step,
      command,
      status,
      stdout,
      stderr,
      reason: explained.what,
      likelyCause: explained.how,
    });
  }
}

function explanation(stderr: string): { what: string; how: string } | undefined {
  const what = /^error: (.*)$/mu.exec(stderr)?.[1];
  const how = /^fix: (.*)$/mu.exec(stderr)?.[1];
  return what === undefined || how === undefined ? undefined : { what, how };
}

function readOutput(stdout: string): { outcome: Outcome; seen: readonly Fact[] } {
  const lines = (prefix: string) =>
    stdout
      .split("\n")
      .filter((line) => line.startsWith(prefix))
      .map((line) => line.slice(prefix.length));
  const pair = (line: string, separator: string): Fact => {
    const at = line.indexOf(separator);
    return [line.slice(0, at), line.slice(at + 1)];
  };
  return {
    outcome: {
      changes: lines("changed: "),
      facts: lines("fact: ").map((line) => pair(line, "=")),
    },
    seen: lines("seen: ").map((line) => pair(line, " ")),
  };
}
