import type { Bundle } from "../bundle/open.ts";
import { bundleDescription, bundleOption, prepareFrom, takeBundle } from "../bundle/prepare.ts";
import { refuseOptions } from "../cli/arguments.ts";
import type { Cluster, ExitStatus, Verb, VerbContext } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import type { Node } from "../node/node.ts";
import { stepContext } from "../steps/context.ts";
import { awaitReady, join, look, prefetch, tasksOf } from "../steps/phases.ts";
import { drain } from "../steps/table.ts";
import { showLeft, undo } from "../steps/undoing.ts";

/** One node comes into the cluster, or leaves it. It stands in the inventory before and after. */
export const node: Verb = {
  name: "node",
  summary: "Prepares a node of the inventory and joins it, or drains it, removes it and undoes what was done",
  synopsis: "add|remove NODE [--bundle FILE] [--force]",
  options: { ...bundleOption, force: { type: "boolean" } },
  descriptions: {
    ...bundleDescription,
    force: "remove: even if Pods cannot leave it, or it does not answer",
  },
  takesWords: true,
  changesNodes: true,
  run,
};

async function run(verb: VerbContext): Promise<ExitStatus> {
  const [action, name, ...rest] = verb.positionals;
  if (rest.length > 0 || name === undefined || (action !== "add" && action !== "remove")) {
    throw new UsageError(`cluster node ${node.synopsis}`);
  }
  refuseOptions(verb.values, action === "add" ? ["force"] : ["bundle"], `node ${action}`);
  const { cluster, bundle } = await takeBundle(verb);
  const worker = workerNamed(name, cluster);
  return action === "add" ? await add(worker, cluster, bundle, verb) : await remove(worker, cluster, verb);
}

function workerNamed(name: string, { nodes, controlPlane }: Cluster): Node {
  const found = nodes.find((one) => one.name === name);
  if (found === undefined) {
    throw new UsageError(
      `the inventory has no node ${name}`,
      `It has ${nodes.map((one) => one.name).join(", ")}.`,
    );
  }
  if (found === controlPlane) {
    throw new UsageError(`${name} is the control plane`, "'up' makes it, and 'reset' undoes it.");
  }
  return found;
}

async function add(
  worker: Node,
  cluster: Cluster,
  bundle: Bundle | undefined,
  verb: VerbContext,
): Promise<ExitStatus> {
  const { report } = verb;
  const context = await look([worker], await stepContext(cluster, verb), report);
  await prepareFrom(bundle, [worker], context, report);
  await prefetch([worker], context, report);
  await join([worker], context, report);
  await awaitReady([worker], context, report);
  return 0;
}

async function remove(worker: Node, cluster: Cluster, verb: VerbContext): Promise<ExitStatus> {
  const { report, options, values } = verb;
  const question = `This moves all Pods away from ${worker.name}, and undoes what 'up' did there. Go on?`;
  if (!options.isDryRun && !(await verb.confirm(question))) return 1;
  const context = await stepContext(cluster, verb);
  const isForced = values["force"] === true;
  await report.run("drain", tasksOf([drain(worker.name, { isForced })], cluster.controlPlane, context));
  try {
    showLeft(await undo([worker], context, report), report);
  } catch (error) {
    if (!isForced || verb.signal.aborted) throw error;
    report.say(`${worker.name} is removed, but what was done there could not be undone: ${String(error)}`);
  }
  return 0;
}
