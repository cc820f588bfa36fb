/** One task of a verb, as the operator sees it. */
export interface Task {
  readonly title: string;
  /** Resolves to what it did, a line for each thing; nothing when all was as it should be. */
  run(progress: (text: string) => void): Promise<readonly string[]>;
}

/** Where a verb says what it does: a list that moves at a terminal, plain lines elsewhere, one document with `--json`. */
export interface Report {
  /** Runs tasks one after the other, or all at once, and shows each with `changed` or `ok`. Ends at the first failure. */
  run(title: string, tasks: readonly Task[], options?: { readonly concurrent?: boolean }): Promise<void>;
  /** Text for a person; nothing with `--json`. */
  say(text: string): void;
  /** What `--json` prints at the end, under this name; nothing for a person. */
  result(name: string, value: unknown): void;
}
