import { stat } from "node:fs/promises";

import type { Cluster, ExitStatus, Verb, VerbContext } from "../cli/verb.ts";
import { examine } from "../doctor/examine.ts";
import { type Finding, Findings } from "../doctor/finding.ts";
import { judgeMachine } from "../doctor/judge-machine.ts";
import { judgeOperator } from "../doctor/judge-operator.ts";
import { judgeReach } from "../doctor/judge-reach.ts";
import { judgeTaken } from "../doctor/judge-taken.ts";
import { type Examined, judgeTogether } from "../doctor/judge-together.ts";
import { showFindings, showWell } from "../doctor/show.ts";
import { sourcesOf } from "../doctor/sources.ts";
import { ClusterError } from "../errors.ts";
import type { Node } from "../node/node.ts";
import { versions } from "../programs.ts";

/** Says what stands in the way of `up` and `deploy`, and how it is mended. Changes nothing. */
export const doctor: Verb = {
  name: "doctor",
  summary: "Checks the nodes and this machine, changes nothing, and says how to mend what is wrong",
  synopsis: "",
  async run(context) {
    const cluster = await context.cluster();
    const findings = [
      ...judgeOperator(cluster.inventory, await operatorFacts(cluster)),
      ...(await examineAll(cluster, context)),
    ];
    context.report.result("findings", findings);
    if (context.options.isVerbose) context.report.say(showWell(findings));
    context.report.say(showFindings(findings));
    return findings.some(({ level }) => level === "error") ? 1 : (0 satisfies ExitStatus);
  },
};

async function examineAll(
  { inventory, profile, nodes }: Cluster,
  { report, environment, signal }: VerbContext,
): Promise<readonly Finding[]> {
  const sources = await sourcesOf(inventory, profile, environment);
  const examined: Examined[] = [];
  const unreachable: Finding[] = [];
  const untold: unknown[] = [];
  const tasks = nodes.map((node) => ({
    node: node.name,
    title: "examine",
    run: async () => {
      try {
        examined.push(await examine(node, inventory, sources, signal));
        return [];
      } catch (error) {
        if (error instanceof ClusterError && !signal.aborted) unreachable.push(...cannotAsk(node, error));
        else untold.push(error);
        throw error;
      }
    },
  }));
  await report.run("nodes", tasks, { concurrent: true }).catch((error: unknown) => {
    // A node that cannot be asked is a finding: what the others said is worth knowing all the same.
    if (untold.length > 0 || unreachable.length === 0) throw untold[0] ?? error;
  });
  const single = inventory.nodes.flatMap((node) => {
    const facts = examined.find(({ name }) => name === node.name)?.facts;
    if (facts === undefined) return [];
    return [
      ...judgeMachine(node, profile, facts),
      ...judgeTaken(node, inventory, facts),
      ...judgeReach(node, facts),
    ];
  });
  return [...unreachable, ...single, ...judgeTogether(examined)];
}

function cannotAsk({ name, login }: Node, { message, hint }: ClusterError): readonly Finding[] {
  const findings = new Findings(name);
  findings.error("login", message.replace(`${name}: `, ""), hint ?? `${login.join(" ")} true`);
  return findings.list;
}

async function operatorFacts({ inventory }: Cluster) {
  const keys = new Map<string, number | undefined>();
  for (const { ssh } of inventory.nodes) {
    if (ssh.key !== undefined) keys.set(ssh.key, (await stat(ssh.key).catch(() => undefined))?.mode);
  }
  return { programs: await versions(), keys };
}
