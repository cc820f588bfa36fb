import { readFile, writeFile } from "node:fs/promises";

import { stringify } from "yaml";

import { UsageError } from "../errors.ts";
import { keyFile } from "./access.ts";
import type { Offer } from "./offer.ts";
import { machinesOf, type SandboxSpec } from "./spec.ts";

const MARK = /^# The inventory of the sandbox "([a-z0-9-]+)"/;

/**
 * The sandbox that a file was written for; nothing when there is no file.
 *
 * @throws {UsageError} when it is somebody's own inventory
 */
export async function sandboxOf(file: string): Promise<string | undefined> {
  const content = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (content === undefined) return undefined;
  const name = MARK.exec(content)?.[1];
  if (name !== undefined) return name;
  throw new UsageError(
    `${file} is not a sandbox's`,
    "It is left as it is. Name another: --inventory sandbox.yaml",
  );
}

/** The inventory of a sandbox, as text. */
export function inventoryText(spec: SandboxSpec, stateFolder: string, offer: Offer): string {
  const nodes = machinesOf(spec)
    .filter(({ kind }) => kind === "node")
    .map(({ host, address }, index) => ({
      name: host,
      address,
      role: index === 0 ? "control-plane" : "worker",
    }));
  const head = `# The inventory of the sandbox "${spec.name}", written by "pnpm cluster sandbox up", removed by "sandbox down".\n`;
  const { profile, ...rest } = offer;
  const ssh = { user: "root", key: keyFile(stateFolder) };
  return head + stringify({ profile, nodes, ssh, ...rest }, { lineWidth: 0 });
}

/** Writes it where there is none, and says whether it did. One that is there may have been edited since. */
export async function writeInventory(file: string, text: string, isDryRun: boolean): Promise<boolean> {
  if ((await sandboxOf(file)) !== undefined) return false;
  if (!isDryRun) await writeFile(file, text);
  return true;
}
