import { bundleDescription, bundleOption, prepareFrom, takeBundle } from "../bundle/prepare.ts";
import type { ExitStatus, Verb, VerbContext } from "../cli/verb.ts";
import { stepContext } from "../steps/context.ts";
import { keepKubeconfig, kubeconfigFile } from "../steps/kubeconfig.ts";
import { awaitReady, join, look, startControlPlane } from "../steps/phases.ts";

/** From servers to a cluster. Run again, it mends what is not so any more, and changes nothing else. */
export const up: Verb = {
  name: "up",
  summary: "Makes the nodes a cluster, or mends what is missing; the second time it changes nothing",
  synopsis: "[--bundle FILE]",
  options: bundleOption,
  descriptions: bundleDescription,
  changesNodes: true,
  run,
};

async function run(verb: VerbContext): Promise<ExitStatus> {
  const { report } = verb;
  const { cluster, bundle } = await takeBundle(verb);
  const { nodes, controlPlane } = cluster;
  const workers = nodes.filter((node) => node !== controlPlane);
  const context = await look(nodes, await stepContext(cluster, verb), report);
  await prepareFrom(bundle, nodes, context, report);
  await startControlPlane(workers, context, report);
  await join(workers, context, report);
  await awaitReady(nodes, context, report);
  await keepKubeconfig(context, report);
  const kubeconfig = kubeconfigFile(cluster.inventory);
  report.result("kubeconfig", kubeconfig);
  report.say(`Kubernetes v${cluster.profile.kubernetes}: export KUBECONFIG=${kubeconfig}`);
  return 0;
}
