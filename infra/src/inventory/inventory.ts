/** A server of the cluster. */
export interface NodeSpec {
  /** Becomes its host name: a DNS label. */
  readonly name: string;
  /** The address it has in the cluster. SSH reaches it there as well, unless `ssh.host` says otherwise. */
  readonly address: string;
  readonly role: "control-plane" | "worker";
  readonly ssh: SshSpec;
}

/** How a node is logged in to. What is not given is left to the operator's own SSH configuration. */
export interface SshSpec {
  /** Where SSH reaches it, when that is not its address: a public address, or a Host of `~/.ssh/config`. */
  readonly host?: string;
  readonly user?: string;
  readonly port?: number;
  /** A private key's file, absolute. */
  readonly key?: string;
}

/** Where everything comes from. URLs end without a slash. */
export interface Sources {
  /** Kubernetes' own images: `registry.k8s.io`. */
  readonly imageRepository: string;
  /** Release files as on GitHub: `https://github.com`. */
  readonly releases: string;
  /** The folder that has `core/stable/v1.37/deb`: `https://pkgs.k8s.io`. */
  readonly packages: string;
  /** Where containerd looks instead of a registry, by its host; `_default` for every other. */
  readonly registryMirrors: Readonly<Record<string, string>>;
  /** For those of these hosts that are no preset's. The password comes from the environment's variable of this name. */
  readonly credentials?: { readonly user: string; readonly passwordVariable: string };
  /** A PEM file of certificate authorities that the nodes are to trust for them, absolute. */
  readonly ca?: string;
}

/** Another version or source of one part than its profile has. */
export interface PartOverride {
  readonly version?: string;
  readonly url?: string;
  readonly sha256?: string;
}

/** What an inventory may override of a profile. */
export const partNames = ["containerd", "runc", "cniPlugins", "crictl", "flannel", "metricsServer"] as const;

export type PartName = (typeof partNames)[number];

/** What one cluster is to be: a checked `cluster.yaml`, with its defaults filled in. */
export interface Inventory {
  /** The file it came from, absolute. */
  readonly file: string;
  /** Beside it: what was seen and made for this cluster (known hosts, kubeconfig, transcripts, checksums). */
  readonly stateFolder: string;
  readonly profile: string;
  /** Another patch release than the profile's. `Cluster.profile` has it already. */
  readonly kubernetes?: string;
  readonly nodes: readonly NodeSpec[];
  readonly pods: string;
  readonly services: string;
  readonly sources: Sources;
  readonly parts: Readonly<Partial<Record<PartName, PartOverride>>>;
  readonly deploy: DeploySpec;
}

/** How our own services are put on it. */
export interface DeploySpec {
  readonly overlay: string;
  /** Folders of `k8s/components` that are added to it: `autoscaling`. */
  readonly components: readonly string[];
  readonly namespace: string;
  /** Where images are pushed and pulled: `registry.example.org/team`, before `/wharf/fileserver`. Without one they are copied to the nodes. */
  readonly registry?: string;
  /** What the nodes pull from it with. */
  readonly registryCredentials?: { readonly user: string; readonly passwordVariable: string };
  /** Addresses or blocks that the downloader may fetch from beyond the public ones: its `ALLOW_NETWORKS`. */
  readonly allowNetworks: readonly string[];
  /** What the downloader fetches to show that it can. A file of the profile's release, from `sources`, unless told otherwise; `none`: nothing. */
  readonly smokeUrl?: string;
}
