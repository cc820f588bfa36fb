import { outcome, type PhaseView, type TaskLabel, type View } from "./view.ts";

/** One line for each event, for logs and for `--verbose`: `[k8s-master] containerd: changed: installed 2.3.7`. */
export function plainView(write: (text: string) => void, isDryRun: boolean): View {
  const line = (task: TaskLabel, text: string) => {
    const node = task.node === undefined ? "" : `[${task.node}] `;
    for (const part of text.split("\n")) write(`${node}${task.title}: ${part}\n`);
  };
  const phaseView: PhaseView = {
    progress: line,
    end: (task, record) => line(task, outcome(record, isDryRun)),
    close: () => Promise.resolve(),
  };
  return {
    phase(title) {
      write(`== ${title}\n`);
      return phaseView;
    },
    say: (text) => write(`${text}\n`),
  };
}

/** Nothing at all: `--json` prints what was recorded, at the end. */
export const silentView: View = {
  phase: () => ({
    progress: () => undefined,
    end: () => undefined,
    close: () => Promise.resolve(),
  }),
  say: () => undefined,
};
