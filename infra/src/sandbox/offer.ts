import { UsageError } from "../errors.ts";
import type { InventoryFile } from "../inventory/schema.ts";
import type { Architecture, Profile } from "../profiles/profile.ts";
import { profiles } from "../profiles/profiles.ts";
import { compareVersions, partsIn, profilesIn } from "./artefacts.ts";
import { machinesOf, type SandboxSpec } from "./spec.ts";

/** What a sandbox's inventory says beside its nodes. */
export type Offer = Pick<InventoryFile, "sources" | "parts" | "deploy"> & { readonly profile: string };

/**
 * The profile, and where everything comes from: the official sources, or the mirror alone.
 *
 * @throws {UsageError} when there is no such profile, or the folder does not hold it
 */
export async function chooseOffer(spec: SandboxSpec, wish: string | undefined): Promise<Offer> {
  const { artefacts } = spec;
  const known = [...profiles.values()].toSorted((a, b) => compareVersions(b.kubernetes, a.kubernetes));
  const there = artefacts === undefined ? known : await profilesIn(artefacts, known);
  const profile = there.find(({ name }) => name === (wish ?? name));
  if (profile === undefined) {
    const names = there.map(({ name }) => name).join(", ");
    throw new UsageError(
      `${artefacts ?? "this program"} has ${wish === undefined ? "no profile's packages" : `no profile ${wish}`}`,
      names === "" ? "files/core/stable/v… in it is where they are looked for." : `There is: ${names}`,
    );
  }
  return artefacts === undefined
    ? { profile: profile.name }
    : await mirrored({ ...spec, artefacts }, profile);
}

async function mirrored(spec: SandboxSpec & { artefacts: string }, profile: Profile): Promise<Offer> {
  const architecture: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const [mirror] = machinesOf(spec);
  const address = mirror?.address ?? "";
  // By its address, which everything knows: this machine, and Pods, which do not read their node's /etc/hosts.
  const host = `http://${address}`;
  return {
    profile: profile.name,
    sources: {
      imageRepository: `${address}:5000/google_containers`,
      releases: host,
      packages: host,
      registryMirrors: { _default: `${host}:5000` },
    },
    parts: await partsIn(spec.artefacts, profile, architecture),
    deploy: { allowNetworks: [address] },
  };
}
