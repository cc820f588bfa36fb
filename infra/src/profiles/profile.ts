/** One program or manifest of a release, as its maker publishes it. */
export interface Part {
  readonly version: string;
  /** SHA-256 of the file for each architecture, where a public source states it. */
  readonly sha256?: Readonly<Partial<Record<Architecture, string>>>;
}

/** As Debian and Go name them. */
export type Architecture = "amd64" | "arm64";

/** What one cluster is made of: versions, and what differs because of them. Data, no code. */
export interface Profile {
  /** As the inventory names it: `v1.37`. */
  readonly name: string;
  /** `1.37.2`, without the v. */
  readonly kubernetes: string;
  readonly containerd: Part;
  readonly runc: Part;
  readonly cniPlugins: Part;
  readonly crictl: Part;
  readonly flannel: Part;
  readonly metricsServer: Part;
  /** The sandbox image's tag. */
  readonly pause: string;
  /** Tags of the images that kubeadm asks for beside its own: a bundle must have them before there is a kubeadm to ask. */
  readonly etcd: string;
  readonly coredns: string;
  /** The version of containerd's configuration file: its tables are named differently. */
  readonly containerdConfig: 2 | 4;
  /** What kubeadm reads: maps of extra arguments, or lists. */
  readonly kubeadmApi: "v1beta3" | "v1beta4";
  /** Whether a host with cgroup version 1 needs `failCgroupV1: false` and SystemVerification left out. */
  readonly refusesCgroupV1: boolean;
}

/** What a version is called whose last number may be any: `1.37` of `1.37.2`. */
export function seriesOf(version: string): string {
  return version.replace(/\.\d+$/, "");
}
