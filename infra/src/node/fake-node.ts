import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";

import { NodeCommandError } from "../errors.ts";
import type { Node, Output, RunOptions } from "./node.ts";

/** What a fake node answers: text for standard output, or more. A status other than 0 is a failure. */
export type Answer =
  | string
  | Error
  | { readonly stdout?: string; readonly stderr?: string; readonly status?: number };

/** What was run on a fake node. */
export interface Ran {
  /** The script, or the command that was fed. */
  readonly script: string;
  readonly options: RunOptions;
  /** What was fed to it. */
  readonly fed?: string;
}

/**
 * A node of programmed answers for table tests of steps. A script gets the answer of the last rule that matches it, so
 * that a test can begin with what is usual and then say what differs.
 */
export class FakeNode implements Node {
  readonly name: string;
  readonly login = ["ssh", "root@192.0.2.11"] as const;
  /** Everything that was run, in order. */
  readonly ran: Ran[] = [];
  readonly #rules: { matches: (ran: Ran) => boolean; answer: (ran: Ran) => Answer }[] = [];

  constructor(name = "k8s-master") {
    this.name = name;
  }

  /**
   * Programs an answer. A text or expression is looked for in the script and in the step's name; answers of a list are
   * given one after the other, the last one for ever.
   */
  on(
    when: string | RegExp | ((ran: Ran) => boolean),
    answer: Answer | readonly Answer[] | ((ran: Ran) => Answer),
  ): this {
    this.#rules.unshift({ matches: matcher(when), answer: answerer(answer) });
    return this;
  }

  run(script: string, options: RunOptions = {}): Promise<Output> {
    return this.#answer({ script, options });
  }

  async feed(command: string, bytes: Readable, options: RunOptions = {}): Promise<Output> {
    return this.#answer({ script: command, options, fed: await text(bytes) });
  }

  /** @throws {Error} when no rule matches: a test must say what it expects */
  async #answer(ran: Ran): Promise<Output> {
    ran.options.signal?.throwIfAborted();
    this.ran.push(ran);
    const rule = this.#rules.find(({ matches }) => matches(ran));
    if (rule === undefined) throw new Error(`${this.name} was not told what to answer to:\n${ran.script}`);
    const answer = rule.answer(ran);
    if (answer instanceof Error) throw answer;
    const { stdout = "", stderr = "", status = 0 } = typeof answer === "string" ? { stdout: answer } : answer;
    if (status === 0) return { stdout, stderr };
    const step = ran.options.step ?? ran.script.slice(0, 40);
    throw new NodeCommandError({ node: this.name, step, command: ran.script, status, stdout, stderr });
  }
}

function matcher(when: string | RegExp | ((ran: Ran) => boolean)): (ran: Ran) => boolean {
  if (typeof when === "function") return when;
  const isIn = (part: string) => (typeof when === "string" ? part.includes(when) : when.test(part));
  return (ran) => isIn(ran.script) || (ran.options.step !== undefined && isIn(ran.options.step));
}

function answerer(answer: Answer | readonly Answer[] | ((ran: Ran) => Answer)): (ran: Ran) => Answer {
  if (typeof answer === "function") return answer;
  if (!Array.isArray(answer)) return () => answer as Answer;
  const left = [...(answer as readonly Answer[])];
  return () => (left.length > 1 ? left.shift() : left[0]) ?? "";
}
