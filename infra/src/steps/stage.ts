import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe } from "vitest";

import { PrivateNode } from "./private-node.ts";
import { shellStep, type ShellStepDefinition } from "./shell-step.ts";
import type { Outcome } from "./step.ts";
import { testContext } from "./testing.ts";

/** A script of this folder, and what it is given. */
export interface Performed extends Omit<ShellStepDefinition, "title" | "variables"> {
  readonly variables?: Readonly<Record<string, string>>;
}

/** What tests of scripts have. */
export interface Stage {
  /** New for each test. */
  readonly node: PrivateNode;
  /** Runs a script, and resolves to what it changed. */
  perform(script: Performed, isDryRun?: boolean): Promise<readonly string[]>;
  /** The same, with what it found. */
  outcome(script: Performed, isDryRun?: boolean): Promise<Outcome>;
}

/** Tests of scripts that are run as they are; skipped, with the reason, where that cannot be. */
export function describePerformed(title: string, tests: (stage: Stage) => void): void {
  const lack = whatLacks();
  describe.skipIf(lack !== "")(`${title}, performed in namespaces of its own${lack}`, () => {
    let node: PrivateNode;
    beforeEach(async () => {
      node = await PrivateNode.open("k8s-master");
    });
    afterEach(() => node.close());
    const outcome = async ({ variables = {}, ...script }: Performed, isDryRun = false) => {
      const step = shellStep({ ...script, title: "", variables: () => variables });
      return await step.run(node, await testContext([node], { isDryRun }));
    };
    tests({
      get node() {
        return node;
      },
      outcome,
      perform: async (script, isDryRun) => (await outcome(script, isDryRun)).changes,
    });
  });
}

function whatLacks(): string {
  const missing = ["unshare", "iptables", "curl", "ip"].filter(
    (name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0,
  );
  if (missing.length > 0) return `: there is no ${missing.join(", ")}`;
  return spawnSync("unshare", ["--mount", "--net", "--uts", "true"]).status === 0 ? "" : ": needs root";
}
