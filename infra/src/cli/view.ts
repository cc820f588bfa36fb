/** A task as `--json` prints it. */
export interface TaskRecord {
  readonly node?: string;
  readonly title: string;
  readonly changes: readonly string[];
  readonly seconds: number;
  /** Why it failed. */
  readonly error?: string;
}

/** What is to be shown of a task before it has run. */
export interface TaskLabel {
  readonly node?: string;
  readonly title: string;
}

/** Tasks that follow one another: all those of one node. */
export interface Lane {
  readonly title: string;
  readonly tasks: readonly TaskLabel[];
}

/** How tasks are shown while they run: the part of a report that differs between a terminal, a log and a program. */
export interface View {
  /** Some lanes begin; what happens in them is told to the answer. */
  phase(title: string, lanes: readonly Lane[]): PhaseView;
  say(text: string): void;
}

/** What is told of the tasks of one phase. */
export interface PhaseView {
  progress(task: TaskLabel, text: string): void;
  end(task: TaskLabel, record: TaskRecord): void;
  /** No more will be told: tasks that have not begun will not. Resolves when all is drawn. */
  close(): Promise<void>;
}

/** `changed: what; what`, `would change: …`, `ok`, `failed: why`. */
export function outcome(record: TaskRecord, isDryRun: boolean): string {
  if (record.error !== undefined) return `failed: ${record.error}`;
  if (record.changes.length === 0) return "ok";
  return `${isDryRun ? "would change" : "changed"}: ${record.changes.join("; ")}`;
}

/** A length of time for people: `0.4 s`, `12 s`, `2 min 5 s`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
