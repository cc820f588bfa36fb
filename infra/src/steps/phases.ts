import type { Report, Task } from "../cli/report.ts";
import type { Node } from "../node/node.ts";
import { Joining } from "./joining.ts";
import { readFacts, type NodeFacts } from "./node-facts.ts";
import { specOf } from "./place.ts";
import type { Step, StepContext } from "./step.ts";
import { controlPlane, facts as factsStep, images, preparation, ready } from "./table.ts";

const READY_SECONDS = 480;

/**
 * Looks at nodes, and gives the context what was found.
 *
 * @throws {NodeUnfitError} before anything is changed anywhere
 */
export async function look(
  nodes: readonly Node[],
  context: StepContext,
  report: Report,
): Promise<StepContext> {
  const found = new Map<string, NodeFacts>(context.facts);
  const tasks = nodes.map((node): Task => ({
    node: node.name,
    title: factsStep.title,
    run: async () => {
      const { facts } = await factsStep.run(node, context);
      found.set(node.name, readFacts(specOf(node, context.inventory), facts, Date.now()));
      return [];
    },
  }));
  await report.run("look at the nodes", tasks, { concurrent: true });
  return { ...context, facts: found };
}

/** Everything that a machine needs before it can be a member. */
export async function prepare(nodes: readonly Node[], context: StepContext, report: Report): Promise<void> {
  const tasks = nodes.flatMap((node) => tasksOf(preparation, node, context));
  await report.run("prepare the nodes", tasks, { concurrent: true });
}

/** Images that nodes will need. */
export async function prefetch(nodes: readonly Node[], context: StepContext, report: Report): Promise<void> {
  const tasks = nodes.flatMap((node) => tasksOf([images], node, context));
  await report.run("images", tasks, { concurrent: true });
}

/** The control plane; meanwhile the others fetch their images. */
export async function startControlPlane(
  workers: readonly Node[],
  context: StepContext,
  report: Report,
): Promise<void> {
  const tasks = [
    ...tasksOf([images, ...controlPlane], context.controlPlane, context),
    ...workers.flatMap((node) => tasksOf([images], node, context)),
  ];
  await report.run("control plane", tasks, { concurrent: true });
}

/** Makes nodes members of the cluster. */
export async function join(nodes: readonly Node[], context: StepContext, report: Report): Promise<void> {
  const joining = await Joining.open(context);
  const tasks = nodes.map((node): Task => ({
    node: node.name,
    title: "join the cluster",
    run: () => joining.join(node),
  }));
  try {
    await report.run("workers", tasks, { concurrent: true });
  } finally {
    // A token that could not be deleted ends by itself; what went wrong before matters more.
    await joining.close().catch(() => undefined);
  }
}

/** Waits until nodes are Ready and what every cluster has answers. Nothing to wait for in a dry run. */
export async function awaitReady(
  nodes: readonly Node[],
  context: StepContext,
  report: Report,
): Promise<void> {
  if (context.isDryRun) return;
  const names = nodes.map(({ name }) => name);
  await report.run("wait for it", tasksOf([ready(names, READY_SECONDS)], context.controlPlane, context));
}

/** Steps as tasks of a report. */
export function tasksOf(steps: readonly Step[], node: Node, context: StepContext): readonly Task[] {
  return steps.map((step) => ({
    node: node.name,
    title: step.title,
    run: async () => (await step.run(node, context)).changes,
  }));
}
