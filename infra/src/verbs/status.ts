import type { Verb } from "../cli/verb.ts";
import { Kubectl } from "../kubernetes/kubectl.ts";
import { gather } from "../status/gather.ts";
import { showSummary } from "../status/show.ts";
import { summarise } from "../status/summary.ts";

/** How the cluster and what runs on it are. */
export const status: Verb = {
  name: "status",
  summary: "Nodes, components, certificates and our services on one screen; 1 if something is not well",
  synopsis: "",
  async run({ report, signal, ...context }) {
    const { inventory, controlPlane } = await context.cluster();
    const { namespace } = inventory.deploy;
    const answers = await gather(new Kubectl(controlPlane), controlPlane, namespace, signal);
    const summary = summarise(answers, namespace, Date.now());
    report.result("status", summary);
    report.say(showSummary(summary));
    return summary.problems.length === 0 ? 0 : 1;
  },
};
