import { existsSync } from "node:fs";

import type { ExitStatus, Verb, VerbContext } from "../cli/verb.ts";
import { kubeconfigFile } from "../steps/kubeconfig.ts";
import { deploy, orderOf } from "./deploy.ts";
import { up } from "./up.ts";

/** `pnpm deploy:cluster`: one run of both, with one summary. */
export const upAndDeploy: Verb = {
  name: "up-and-deploy",
  summary: "up, then deploy: what `pnpm deploy:cluster` runs",
  synopsis: `${up.synopsis} ${deploy.synopsis}`,
  options: { ...up.options, ...deploy.options },
  descriptions: { ...up.descriptions, ...deploy.descriptions },
  changesNodes: true,
  run,
};

async function run(context: VerbContext): Promise<ExitStatus> {
  // What is wrong with deploy's part is better known now than when the cluster is made.
  await orderOf(context);
  const status = await up.run(context);
  if (status !== 0) return status;
  const { inventory } = await context.cluster();
  if (context.options.isDryRun && !existsSync(kubeconfigFile(inventory))) {
    context.report.say("Then deploy: what it would change can be told once there is a cluster.");
    return 0;
  }
  return deploy.run(context);
}
