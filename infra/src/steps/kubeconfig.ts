import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Report } from "../cli/report.ts";
import type { StepContext } from "./step.ts";

/** The administrator's kubeconfig, beside the inventory. It is a key to everything in the cluster. */
export function kubeconfigFile(inventory: { readonly stateFolder: string }): string {
  return join(inventory.stateFolder, "admin.conf");
}

/** Brings the administrator's kubeconfig to the operator, for nobody else to read. */
export async function keepKubeconfig(context: StepContext, report: Report): Promise<void> {
  const { inventory, controlPlane, isDryRun, signal } = context;
  const file = kubeconfigFile(inventory);
  const run = async () => {
    const { stdout } = await controlPlane.run("cat /etc/kubernetes/admin.conf 2> /dev/null || :", {
      step: "90-kubeconfig",
      hasSecretOutput: true,
      signal,
    });
    const kept = await readFile(file, "utf8").catch(() => "");
    if (kept === stdout && kept !== "") return [];
    if (!isDryRun) {
      await mkdir(inventory.stateFolder, { recursive: true });
      await writeFile(`${file}.part`, stdout, { mode: 0o600 });
      await chmod(`${file}.part`, 0o600);
      await rename(`${file}.part`, file);
    }
    return [file];
  };
  await report.run("kubeconfig", [{ title: "the administrator's kubeconfig", run }]);
}

/** It opens nothing any more. */
export async function forgetKubeconfig({ inventory, isDryRun }: StepContext): Promise<void> {
  if (!isDryRun) await rm(kubeconfigFile(inventory), { force: true });
}
