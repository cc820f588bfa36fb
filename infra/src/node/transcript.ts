import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";

import type { Secrets } from "./secrets.ts";

/** A command as it is written down. */
export interface Entry {
  readonly node: string;
  readonly step: string;
  /** What was run, its variables included. */
  readonly script: string;
}

/**
 * Everything that is run on nodes, with its output as it comes, each line with its node: a file of one run. Secrets are
 * masked.
 */
export class Transcript {
  readonly file: string;
  readonly #secrets: Secrets;
  readonly #echo: ((line: string) => void) | undefined;
  #isBegun = false;
  #failures = 0;

  /** Nothing is written before the first command. `echo` gets the output as well, for `--verbose`. */
  constructor(file: string, secrets: Secrets, echo?: (line: string) => void) {
    this.file = file;
    this.#secrets = secrets;
    this.#echo = echo;
  }

  get isBegun(): boolean {
    return this.#isBegun;
  }

  begin(entry: Entry): void {
    const script = entry.script.trimEnd().split("\n");
    this.#write(entry, ["begins", ...script.map((line) => `| ${line}`)]);
  }

  /** Whole lines of its output. */
  output(entry: Entry, lines: readonly string[]): void {
    this.#write(
      entry,
      lines.map((line) => `> ${line}`),
    );
    for (const line of lines) this.#echo?.(`[${entry.node}] ${entry.step}: ${this.#secrets.mask(line)}`);
  }

  end(entry: Entry, how: string): void {
    this.#write(entry, [how]);
  }

  /** Keeps the script of a command that failed in a file of its own, so that it can be tried by hand. */
  keep({ node, step, script }: Entry): string {
    this.#failures += 1;
    const name = `${basename(this.file, ".log")}-${node}-${step.replace(/[^\w.-]+/g, "-").slice(0, 40)}`;
    const file = join(dirname(this.file), `${name}-${this.#failures}.sh`);
    writeFileSync(file, this.#secrets.mask(script), { mode: 0o600 });
    return file;
  }

  #write({ node, step }: Entry, lines: readonly string[]): void {
    if (!this.#isBegun) mkdirSync(dirname(this.file), { recursive: true, mode: 0o700 });
    this.#isBegun = true;
    const head = `${new Date().toISOString()} [${node}] ${step}: `;
    const text = lines.map((line) => `${head}${line}\n`).join("");
    // At once, so that the end of a run that was killed is there as well.
    appendFileSync(this.file, this.#secrets.mask(text), { mode: 0o600 });
  }
}

/** Cuts what arrives in pieces into whole lines. */
export class Lines {
  readonly #decoder = new StringDecoder();
  #rest = "";

  push(chunk: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.write(chunk)).split(/\r?\n/);
    this.#rest = lines.pop() ?? "";
    return lines;
  }

  /** The last line, when no line end followed it. */
  flush(): string[] {
    const last = this.#rest + this.#decoder.end();
    this.#rest = "";
    return last === "" ? [] : [last];
  }
}
