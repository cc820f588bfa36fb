import type { ExitStatus, Verb, VerbContext } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import { stepContext } from "../steps/context.ts";
import { forgetKubeconfig } from "../steps/kubeconfig.ts";
import { showLeft, undo } from "../steps/undoing.ts";

/** Undoes `up`, on every node. */
export const reset: Verb = {
  name: "reset",
  summary: "Undoes what 'up' did on every node, and all that is in the cluster; asks first",
  synopsis: "",
  takesWords: true,
  changesNodes: true,
  run,
};

async function run(verb: VerbContext): Promise<ExitStatus> {
  const [word] = verb.positionals;
  if (word !== undefined)
    throw new UsageError(
      `reset undoes every node: what is "${word}"?`,
      "One worker alone: pnpm cluster node remove NAME",
    );
  const cluster = await verb.cluster();
  const names = cluster.nodes.map(({ name }) => name).join(", ");
  const question = `This ends the cluster of ${names}, and deletes all that is in it. Go on?`;
  if (!verb.options.isDryRun && !(await verb.confirm(question))) return 1;
  const context = await stepContext(cluster, verb);
  const left = await undo(cluster.nodes, context, verb.report);
  await forgetKubeconfig(context);
  showLeft(left, verb.report);
  return 0;
}
