import { readFile } from "node:fs/promises";

import { type Inventory, partNames } from "../inventory/inventory.ts";
import type { Architecture, Profile } from "../profiles/profile.ts";
import { artefact } from "../steps/artefacts.ts";
import { parseReference, registryUrl } from "../bundle/reference.ts";
import { curlConfig, ownHosts, packagesUrl } from "../steps/sources.ts";
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
    ...(credentials === undefined
      ? {}
      : {
          credentials: {
            hosts: ownHosts(inventory.sources),
            curlConfig: curlConfig({ user: credentials.user, password: password ?? "" }),
          },
        }),
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
    placeOf(parseReference(`${repository}/image`).host, sources),
  );
  return [...new Set([...files, `${packagesUrl(sources, profile)}/Release.key`, ...registries])];
}

/** Where a registry is asked, or its mirror: OCI's distribution specification, "Determining Support". */
function placeOf(host: string, { registryMirrors }: Inventory["sources"]): string {
  const mirror = registryMirrors[host] ?? registryMirrors["_default"] ?? registryUrl(host);
  return `${new URL(mirror).origin}/v2/`;
}

/** flannel's manifests name docker.io before 0.26.4, and ghcr.io since. */
function flannelRegistry(inventory: Inventory, profile: Profile): string {
  const version = inventory.parts.flannel?.version ?? profile.flannel.version;
  const isOld = version.localeCompare("0.26.4", "en", { numeric: true }) < 0;
  return isOld ? "docker.io" : "ghcr.io";
}
