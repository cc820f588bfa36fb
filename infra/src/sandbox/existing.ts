import { UsageError } from "../errors.ts";
import type { Docker } from "./docker.ts";
import { LABEL, SandboxError, type SandboxSpec } from "./spec.ts";

/** What an operator asked for; what is not given is as it was, or the default. */
export interface Wishes {
  readonly name: string;
  readonly subnet: string | undefined;
  readonly artefacts: string | undefined;
  readonly baseImage: string | undefined;
  readonly mirrorBaseImage: string | undefined;
  readonly profile: string | undefined;
}

/** A sandbox to be made, or that stands. */
export interface SandboxPlan extends SandboxSpec {
  readonly baseImage: string;
  readonly mirrorBaseImage: string;
  /** The newest that there is unless given. */
  readonly profile: string | undefined;
  readonly stands: boolean;
}

interface Network {
  readonly Labels: Readonly<Record<string, string>> | null;
}

/**
 * What a sandbox was made of is kept in the labels of its network, so that a second `up` needs no option again.
 *
 * @throws {SandboxError} when the name is taken by a network of somebody else
 * @throws {UsageError} when it stands and is to become another
 */
export async function readPlan(docker: Docker, wishes: Wishes): Promise<SandboxPlan> {
  const { name } = wishes;
  const network = (await docker.inspect("network", name)) as Network | undefined;
  if (network === undefined) {
    const baseImage = wishes.baseImage ?? "debian:bookworm";
    return {
      name,
      subnet: wishes.subnet ?? "172.30.52",
      artefacts: wishes.artefacts,
      baseImage,
      mirrorBaseImage: wishes.mirrorBaseImage ?? baseImage,
      profile: wishes.profile,
      stands: false,
    };
  }
  const labels = network.Labels ?? {};
  if (labels[LABEL] !== name) {
    throw new SandboxError(
      `there is a network "${name}" that is not a sandbox's`,
      "Choose another name: --name",
    );
  }
  const kept = (key: Exclude<keyof Wishes, "name">, option: string): string => {
    const value = labels[`${LABEL}.${key}`] ?? "";
    const wish = wishes[key];
    if (wish === undefined || wish === value) return value;
    throw new UsageError(
      `the sandbox "${name}" was made with ${option} ${value === "" ? "left out" : value}`,
      "To make it anew: pnpm cluster sandbox down",
    );
  };
  return {
    name,
    subnet: kept("subnet", "--subnet"),
    artefacts: kept("artefacts", "--artefacts") || undefined,
    baseImage: kept("baseImage", "--base-image"),
    mirrorBaseImage: kept("mirrorBaseImage", "--mirror-base-image"),
    profile: kept("profile", "--profile") || undefined,
    stands: true,
  };
}

/** What `docker network create` is told. */
export function networkArguments(plan: SandboxPlan): string[] {
  const { name, subnet, artefacts, baseImage, mirrorBaseImage, profile } = plan;
  const labels = {
    subnet,
    artefacts: artefacts ?? "",
    baseImage,
    mirrorBaseImage,
    profile: profile ?? "",
  };
  return [
    "network",
    "create",
    "--subnet",
    `${subnet}.0/24`,
    "--label",
    `${LABEL}=${name}`,
    ...Object.entries(labels).flatMap(([key, value]) => ["--label", `${LABEL}.${key}=${value}`]),
    ...(artefacts === undefined ? [] : ["--internal"]),
    name,
  ];
}
