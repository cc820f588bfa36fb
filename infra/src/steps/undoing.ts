import type { Report, Task } from "../cli/report.ts";
import type { Node } from "../node/node.ts";
import { tasksOf } from "./phases.ts";
import type { Fact, StepContext } from "./step.ts";
import { comparison, undoing } from "./table.ts";

/** What is different on each node from before `up`: `files`, `more /etc/left`. */
export type Left = ReadonlyMap<string, readonly Fact[]>;

/** Undoes `up` on nodes, and compares them with what they were. */
export async function undo(nodes: readonly Node[], context: StepContext, report: Report): Promise<Left> {
  const left = new Map<string, readonly Fact[]>();
  const compare = (node: Node): Task => ({
    node: node.name,
    title: comparison.title,
    run: async () => {
      const { changes, facts } = await comparison.run(node, context);
      left.set(node.name, facts);
      return changes;
    },
  });
  const tasks = nodes.flatMap((node) => [...tasksOf(undoing, node, context), compare(node)]);
  await report.run("undo", tasks, { concurrent: true });
  return left;
}

/** Tells what stayed. */
export function showLeft(left: Left, report: Report): void {
  report.result("left", Object.fromEntries(left));
  for (const [node, facts] of left) {
    if (facts.length === 0) continue;
    report.say(`${node} is as it was before, but for:`);
    for (const [kind, what] of facts) report.say(`  ${kind}: ${what}`);
  }
}
