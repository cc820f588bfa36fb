import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { parse } from "yaml";

import type { DeploySpec } from "../inventory/inventory.ts";
import { root } from "./build.ts";
import { DeployError } from "./errors.ts";

/** The folder of the manifests. */
export const manifests = join(root, "k8s");

interface Kustomization {
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
}

/**
 * Sees to it that overlay and components are there, and tells whether Postgres is among them.
 *
 * @throws {DeployError} naming those that there are
 */
export async function usesPostgres({ overlay, components }: DeploySpec): Promise<boolean> {
  await check("overlay", [overlay]);
  await check("component", components);
  return components.includes("postgres") || (await has(join(manifests, "overlays", overlay), "postgres"));
}

async function check(kind: "overlay" | "component", names: readonly string[]): Promise<void> {
  const there = await readdir(join(manifests, `${kind}s`));
  for (const name of names.filter((one) => !there.includes(one))) {
    throw new DeployError("MANIFEST_MISSING", `k8s/${kind}s has no ${name}.`, {
      hint: `It has ${there.toSorted().join(", ")}.`,
    });
  }
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
