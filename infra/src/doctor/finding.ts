/** `error`: `up` cannot go on. `warning`: it can, or sees to it itself, but the operator should know. */
export type Level = "ok" | "warning" | "error";

/** One thing that was looked at. */
export interface Finding {
  /** A node's name, or `operator` for the machine this runs on. */
  readonly where: string;
  /** What was looked at, in a word or two: `memory`. */
  readonly check: string;
  readonly level: Level;
  /** What was found, and for what is not well, why it matters. */
  readonly text: string;
  /** What mends it: a command, or a sentence. */
  readonly fix?: string;
}

/** Makes findings of one place. */
export class Findings {
  readonly #where: string;
  readonly list: Finding[] = [];

  constructor(where: string) {
    this.#where = where;
  }

  ok(check: string, text: string): void {
    this.list.push({ where: this.#where, check, level: "ok", text });
  }

  warning(check: string, text: string, fix?: string): void {
    this.#add(check, "warning", text, fix);
  }

  error(check: string, text: string, fix?: string): void {
    this.#add(check, "error", text, fix);
  }

  #add(check: string, level: Level, text: string, fix: string | undefined): void {
    this.list.push({ where: this.#where, check, level, text, ...(fix === undefined ? {} : { fix }) });
  }
}
