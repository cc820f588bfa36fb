import { readFile } from "node:fs/promises";

import { type Inventory, partNames } from "../inventory/inventory.ts";
import type { Architecture, Profile } from "../profiles/profile.ts";
import { artefact } from "../steps/artefacts.ts";
import { packagesUrl } from "../steps/sources.ts";
import type { Sources } from "./examine.ts";

/** What nodes ask for, and with what. */
export async function sourcesOf(
  inventory: Inventory,
  profile: Profile,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Sources> {
  const { ca, credentials } = inventory.sources;
  const password = credentials === undefined ? undefined : environment[credentials.passwordVariable];
  return {
    urls: (architecture) => sourceUrls(inventory, profile, architecture === "arm64" ? "arm64" : "amd64"),
    ...(credentials === undefined ? {} : { credentials: `${credentials.user}:${password ?? ""}` }),
    ...(ca === undefined ? {} : { ca: await readFile(ca, "utf8") }),
  };
}

/** Every release file, the apt repository's key, and the registries, each once. */
export function sourceUrls(
  inventory: Inventory,
  profile: Profile,
  architecture: Architecture,
): readonly string[] {
  const { sources } = inventory;
  const files = partNames.map((part) => artefact(part, inventory, profile, architecture).url);
  const registries = [sources.imageRepository, flannelRegistry(inventory, profile)].map((repository) =>
    registryUrl(repository.split("/")[0] ?? "", sources),
  );
  return [...new Set([...files, `${packagesUrl(sources, profile)}/Release.key`, ...registries])];
}

/** Where a registry is asked, or its mirror: OCI's distribution specification, "Determining Support". */
function registryUrl(host: string, { registryMirrors }: Inventory["sources"]): string {
  const mirror = registryMirrors[host] ?? registryMirrors["_default"];
  const own = host === "docker.io" ? "registry-1.docker.io" : host;
  return mirror === undefined ? `https://${own}/v2/` : `${new URL(mirror).origin}/v2/`;
}

/** flannel's manifests name docker.io before 0.27, and ghcr.io since. */
function flannelRegistry(inventory: Inventory, profile: Profile): string {
  const version = inventory.parts.flannel?.version ?? profile.flannel.version;
  return Number(version.split(".")[1]) < 27 ? "docker.io" : "ghcr.io";
}
