import { Listr, type ListrTask } from "listr2";

import {
  duration,
  outcome,
  type Lane,
  type PhaseView,
  type TaskLabel,
  type TaskRecord,
  type View,
} from "./view.ts";

/** A list that moves: nodes beside each other, each with its tasks below it. For a terminal. */
export function listView(write: (text: string) => void, isDryRun: boolean): View {
  return {
    phase(title, lanes) {
      write(`${title}\n`);
      return new ListPhase(lanes, isDryRun);
    },
    say: (text) => write(`${text}\n`),
  };
}

/** A task of the list, which listr2 only draws: it ends when it is told how ours did. */
class Row {
  /** Undefined: it never began. */
  readonly ended = Promise.withResolvers<TaskRecord | undefined>();
  show: (text: string) => void = () => undefined;
}

class ListPhase implements PhaseView {
  readonly #isDryRun: boolean;
  readonly #rows = new Map<TaskLabel, Row>();
  readonly #drawn: Promise<unknown>;

  constructor(lanes: readonly Lane[], isDryRun: boolean) {
    this.#isDryRun = isDryRun;
    const isOnly = lanes.length === 1;
    const list = new Listr(
      lanes.flatMap((lane) => this.#drawLane(lane, isOnly)),
      {
        concurrent: !isOnly,
        exitOnError: false,
        registerSignalListeners: false,
        rendererOptions: { collapseSubtasks: false, showErrorMessage: false, suffixSkips: false },
      },
    );
    this.#drawn = list.run();
  }

  progress(task: TaskLabel, text: string): void {
    this.#rows.get(task)?.show(text);
  }

  end(task: TaskLabel, record: TaskRecord): void {
    this.#rows.get(task)?.ended.resolve(record);
  }

  async close(): Promise<void> {
    for (const row of this.#rows.values()) row.ended.resolve(undefined);
    await this.#drawn;
  }

  #drawLane(lane: Lane, isOnly: boolean): ListrTask[] {
    const isFlat = isOnly || lane.tasks.length === 1;
    const rows = lane.tasks.map((task) => this.#drawTask(task, isFlat ? nameOf(task) : task.title));
    if (isFlat) return rows;
    return [{ title: lane.title, task: (_, wrapper) => wrapper.newListr(rows, { exitOnError: false }) }];
  }

  #drawTask(task: TaskLabel, title: string): ListrTask {
    const row = new Row();
    this.#rows.set(task, row);
    return {
      title,
      task: async (_, wrapper) => {
        row.show = (text) => {
          wrapper.output = text;
        };
        const record = await row.ended.promise;
        if (record === undefined) return wrapper.skip();
        const took = record.seconds >= 1 ? ` (${duration(record.seconds)})` : "";
        wrapper.title = `${title}: ${outcome(record, this.#isDryRun)}${took}`;
        // listr2 marks a task as failed when it throws; the error itself is told at the end.
        if (record.error !== undefined) throw new Error(record.error);
      },
    };
  }
}

function nameOf(task: TaskLabel): string {
  return task.node === undefined ? task.title : `${task.node}: ${task.title}`;
}
