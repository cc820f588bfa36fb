/** One task of a verb, as the operator sees it. */
export interface Task {
  /** The node it is about, if it is about one. Shown before the title, which does not repeat it. */
  readonly node?: string;
  readonly title: string;
  /** Resolves to what it did, a line for each thing; nothing when all was as it should be. */
  run(progress: (text: string) => void): Promise<readonly string[]>;
}

/** Where a verb says what it does: a list that moves at a terminal, plain lines elsewhere, one document with `--json`. */
export interface Report {
  /**
   * Runs tasks in order and shows each with `changed` or `ok`. Ends at the first failure. With `concurrent`, nodes are
   * seen to at the same time, each with its own tasks in order; tasks about no node run beside them, each on its own.
   */
  run(title: string, tasks: readonly Task[], options?: { readonly concurrent?: boolean }): Promise<void>;
  /**
   * Text for a person; nothing with `--json`. Commands in it, as in the hints of errors, are written `pnpm cluster VERB`:
   * they get the `--inventory` that this run has.
   */
  say(text: string): void;
  /** What `--json` prints at the end, under this name of its `results`; nothing for a person. */
  result(name: string, value: unknown): void;
}
