import type { PhaseRecord } from "./recorder.ts";
import { duration } from "./view.ts";

/** How a run ended and where its time went, for a person. */
export function summary(
  verb: string,
  seconds: number,
  phases: readonly PhaseRecord[],
  isDryRun: boolean,
): string {
  const tasks = phases.flatMap((phase) => phase.tasks);
  const changed = tasks.filter((task) => task.changes.length > 0).length;
  const ok = tasks.filter((task) => task.changes.length === 0 && task.error === undefined).length;
  const width = Math.max(0, ...phases.map((phase) => phase.title.length)) + 2;
  const lines = phases.map((phase) => `  ${phase.title.padEnd(width)}${duration(phase.seconds)}`);
  const counts = tasks.length > 0 ? `: ${changed} ${isDryRun ? "would change" : "changed"}, ${ok} ok` : "";
  return [`${verb} took ${duration(seconds)}${counts}`, ...lines].join("\n");
}
