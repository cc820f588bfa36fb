import type { Inventory, PartName } from "../inventory/inventory.ts";
import type { Architecture, Profile } from "../profiles/profile.ts";

/** A file of a release: where it is, and what its checksum is to be. */
export interface Artefact {
  readonly version: string;
  readonly url: string;
  readonly sha256?: string;
  /** Where its maker, or a mirror, may state the checksum. */
  readonly checksumUrls: readonly string[];
}

/** The file of a part that this cluster is to have. */
export function artefact(
  part: PartName,
  inventory: Inventory,
  profile: Profile,
  architecture: Architecture,
): Artefact {
  const override = inventory.parts[part] ?? {};
  const version = override.version ?? profile[part].version;
  const place = PLACES[part](version, architecture);
  const url = override.url ?? `${inventory.sources.releases}/${place.path}`;
  const sha256 =
    override.sha256 ??
    (override.version === undefined && override.url === undefined
      ? profile[part].sha256?.[architecture]
      : undefined);
  const folder = url.slice(0, url.lastIndexOf("/") + 1);
  return {
    version,
    url,
    ...(sha256 === undefined ? {} : { sha256 }),
    checksumUrls:
      place.checksum === undefined ? [] : [...new Set([`${url}.sha256sum`, folder + place.checksum])],
  };
}

/** Where a mirror of GitHub's releases has it. */
export function releasePath(part: PartName, version: string, architecture: Architecture): string {
  return PLACES[part](version, architecture).path;
}

const PLACES: Record<
  PartName,
  (version: string, architecture: Architecture) => { path: string; checksum?: string }
> = {
  containerd: (v, a) => ({
    path: `containerd/containerd/releases/download/v${v}/containerd-${v}-linux-${a}.tar.gz`,
    checksum: `containerd-${v}-linux-${a}.tar.gz.sha256sum`,
  }),
  runc: (v, a) => ({
    path: `opencontainers/runc/releases/download/v${v}/runc.${a}`,
    checksum: "runc.sha256sum",
  }),
  cniPlugins: (v, a) => ({
    path: `containernetworking/plugins/releases/download/v${v}/cni-plugins-linux-${a}-v${v}.tgz`,
    checksum: `cni-plugins-linux-${a}-v${v}.tgz.sha256`,
  }),
  crictl: (v, a) => ({
    path: `kubernetes-sigs/cri-tools/releases/download/v${v}/crictl-v${v}-linux-${a}.tar.gz`,
    checksum: `crictl-v${v}-linux-${a}.tar.gz.sha256`,
  }),
  flannel: (v) => ({ path: `flannel-io/flannel/releases/download/v${v}/kube-flannel.yml` }),
  metricsServer: (v) => ({ path: `kubernetes-sigs/metrics-server/releases/download/v${v}/components.yaml` }),
};
