import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { parse } from "yaml";

import { UsageError } from "../errors.ts";
import type { DeploySpec } from "../inventory/inventory.ts";
import { checkDeploy } from "../inventory/rules.ts";
import { root } from "./build.ts";

/** The folder of the manifests. */
export const manifests = join(root, "k8s");

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
}

/**
 * Sees to it that overlay and components are there, and go together: `--overlay` is in no inventory that was checked.
 *
 * @throws {UsageError} naming those that there are
 */
export async function checkManifests({ overlay, components }: DeploySpec): Promise<void> {
  const [mistake] = checkDeploy(
    { deploy: { overlay, components: [...components] } },
    {
      overlays: await readdir(join(manifests, "overlays")),
      components: await readdir(join(manifests, "components")),
    },
  );
  if (mistake !== undefined) throw new UsageError(mistake[1]);
}

/** Whether Postgres is among what is deployed. */
export async function usesPostgres({ overlay, components }: DeploySpec): Promise<boolean> {
  return components.includes("postgres") || (await has(join(manifests, "overlays", overlay), "postgres"));
}

/** Whether a folder's kustomization, or one that it is laid over, has a component. */
async function has(folder: string, component: string): Promise<boolean> {
  const text = await readFile(join(folder, "kustomization.yaml"), "utf8");
  const { resources = [], components = [] } = parse(text) as Kustomization;
  if (components.some((path) => path.split("/").at(-1) === component)) return true;
  const below = resources.filter((path) => path.startsWith(".") && !/\.ya?ml$/.test(path));
  const found = await Promise.all(below.map((path) => has(join(folder, path), component)));
  return found.includes(true);
}
