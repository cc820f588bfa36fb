import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import type { Inventory, PartName } from "../inventory/inventory.ts";
import type { Profile } from "../profiles/profile.ts";
import { runProgram } from "../programs.ts";
import { BundleError } from "./errors.ts";
import { type BundleManifest, verify } from "./manifest.ts";

/** Where a bundle's files are on a node. */
export const ON_NODE = "/var/lib/wharf-cluster/bundle";

/** A bundle that was unpacked on the operator's machine, and is whole. */
export interface Bundle {
  /** Not there in a dry run. */
  readonly folder: string;
  readonly manifest: BundleManifest;
}

/**
 * Unpacks an archive into the state folder, where it is not there whole, and checks every file of it. A dry run only
 * reads what it says it holds.
 *
 * @throws {BundleError} when it is no bundle, damaged, or made for another profile
 */
export async function openBundle(
  file: string,
  { stateFolder }: Inventory,
  profile: Profile,
  { signal, isDryRun }: { readonly signal: AbortSignal; readonly isDryRun: boolean },
): Promise<Bundle> {
  const text = await runProgram("tar", ["-xOf", file, "bundle.json"], { signal }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new BundleError(
      `${file} is no bundle: ${(error as Error).message}`,
      "pnpm cluster bundle makes one.",
      {
        cause: error,
      },
    );
  });
  const manifest = JSON.parse(text) as BundleManifest;
  if (manifest.format !== 1) throw new BundleError(`${file} is of a form that this program does not know`);
  if (manifest.kubernetes !== profile.kubernetes) {
    throw new BundleError(
      `${file} holds Kubernetes ${manifest.kubernetes}, and the inventory wants ${profile.kubernetes}`,
      `profile: ${manifest.profile}, or a bundle made for ${profile.name}`,
    );
  }
  const folder = join(stateFolder, "bundle");
  if (!isDryRun && !(await isThere(folder, text, manifest))) await unpack(file, folder, manifest, signal);
  return { folder, manifest };
}

async function isThere(folder: string, text: string, manifest: BundleManifest): Promise<boolean> {
  const there = await readFile(join(folder, "bundle.json"), "utf8").catch(() => "");
  if (there !== text) return false;
  return await verify(folder, manifest).then(
    () => true,
    () => false,
  );
}

/** What was unpacked before stays until the new one is known to be whole. */
async function unpack(
  file: string,
  folder: string,
  manifest: BundleManifest,
  signal: AbortSignal,
): Promise<void> {
  const part = `${folder}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { recursive: true });
  try {
    await runProgram("tar", ["-xf", file, "-C", part], { signal });
    await verify(part, manifest);
    await rm(folder, { recursive: true, force: true });
    await rename(part, folder);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** The inventory with the bundle on the nodes as its only source: curl and apt read `file:` as they read the web. */
export function withBundle(inventory: Inventory, { manifest }: Bundle): Inventory {
  const { registryMirrors } = inventory.sources;
  const place = `file://${ON_NODE}/files`;
  return {
    ...inventory,
    sources: {
      imageRepository: manifest.imageRepository,
      releases: place,
      packages: place,
      registryMirrors,
    },
    parts: manifest.parts satisfies Record<PartName, object>,
  };
}
