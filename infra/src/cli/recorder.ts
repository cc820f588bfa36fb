import type { Report, Task } from "./report.ts";
import type { Lane, PhaseView, TaskRecord, View } from "./view.ts";

/** What stands between two lines of the summary. */
export interface PhaseRecord {
  readonly title: string;
  readonly seconds: number;
  readonly tasks: readonly TaskRecord[];
}

/** The report that verbs are given: it runs the tasks and keeps the record of them; a view shows it. */
export class Recorder implements Report {
  readonly phases: PhaseRecord[] = [];
  readonly results: Record<string, unknown> = {};
  readonly #view: View;
  #phase: Phase | undefined;

  constructor(view: View) {
    this.#view = view;
  }

  async run(
    title: string,
    tasks: readonly Task[],
    options: { readonly concurrent?: boolean } = {},
  ): Promise<void> {
    const lanes = options.concurrent === true ? lanesOf(tasks) : [{ title, tasks }];
    const phase = new Phase(this.#view.phase(title, lanes));
    this.#phase = phase;
    const startedAt = performance.now();
    try {
      await Promise.all(lanes.map((lane) => phase.runLane(lane.tasks)));
    } finally {
      this.#phase = undefined;
      await phase.view.close();
      this.phases.push({ title, seconds: secondsSince(startedAt), tasks: phase.records });
    }
    // Only now, when every lane has come to rest: nothing may go on behind the operator's back after an error.
    if (phase.failures.length > 0) throw phase.failures[0];
  }

  say(text: string): void {
    this.#view.say(text);
  }

  /** Shown with the tasks of a node that run, or by itself. */
  notice(node: string, text: string): void {
    const running = [...(this.#phase?.running ?? [])].filter((task) => (task.node ?? node) === node);
    for (const task of running) this.#phase?.view.progress(task, text);
    if (running.length === 0) this.say(`${node}: ${text}`);
  }

  result(name: string, value: unknown): void {
    this.results[name] = value;
  }
}

class Phase {
  readonly view: PhaseView;
  readonly records: TaskRecord[] = [];
  readonly failures: unknown[] = [];
  readonly running = new Set<Task>();

  constructor(view: PhaseView) {
    this.view = view;
  }

  /** Never rejects. No lane begins another task once one has failed. */
  async runLane(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) {
      if (this.failures.length > 0) return;
      this.running.add(task);
      const record = await this.#runTask(task);
      this.running.delete(task);
      this.records.push(record);
      this.view.end(task, record);
    }
  }

  async #runTask(task: Task): Promise<TaskRecord> {
    const startedAt = performance.now();
    const label = { ...(task.node === undefined ? {} : { node: task.node }), title: task.title };
    try {
      const changes = await task.run((text) => this.view.progress(task, text));
      return { ...label, changes, seconds: secondsSince(startedAt) };
    } catch (error) {
      this.failures.push(error);
      const reason = error instanceof Error ? error.message : String(error);
      return { ...label, changes: [], seconds: secondsSince(startedAt), error: reason };
    }
  }
}

/** One for each node, in the order of their first task, and one for each task that is about no node. */
function lanesOf(tasks: readonly Task[]): (Lane & { readonly tasks: readonly Task[] })[] {
  const byNode = Map.groupBy(tasks, (task) => task.node ?? task);
  return [...byNode.values()].map((group) => ({
    title: group[0]?.node ?? group[0]?.title ?? "",
    tasks: group,
  }));
}

function secondsSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt) / 1000;
}
