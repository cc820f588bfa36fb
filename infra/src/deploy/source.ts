import type { Inventory } from "../inventory/inventory.ts";
import type { Profile } from "../profiles/profile.ts";
import { artefact } from "../steps/artefacts.ts";

/**
 * What the downloader fetches in the smoke test: the inventory's URL, or else a checksum of the profile's release, which
 * the nodes have fetched from the same place. Nothing where that place asks for a password.
 */
export function smokeSource(inventory: Inventory, profile: Profile): string | undefined {
  const { smokeUrl } = inventory.deploy;
  if (smokeUrl !== undefined) return smokeUrl === "none" ? undefined : smokeUrl;
  if (inventory.sources.credentials !== undefined) return undefined;
  return artefact("containerd", inventory, profile, "amd64").checksumUrls[0];
}
