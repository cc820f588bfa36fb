import { stringify } from "yaml";

import type { Inventory, NodeSpec } from "../inventory/inventory.ts";
import type { Profile } from "../profiles/profile.ts";
import type { NodeFacts } from "./node-facts.ts";

export const API_PORT = 6443;
const CRI_SOCKET = "unix:///run/containerd/containerd.sock";

type Api = Profile["kubeadmApi"];
type Arguments = Readonly<Record<string, string>>;

/** Who joins a cluster, and how it knows that this is the one. */
export interface Joining {
  readonly endpoint: string;
  /** `sha256:` and the hash of the authority's public key. */
  readonly caHash: string;
}

/**
 * The file for `kubeadm init`.
 *
 * @param facts of every node: what one of them needs of kubelet is said in the cluster's own configuration, which those
 *   that join are given
 */
export function initConfig(
  { inventory, profile }: { inventory: Inventory; profile: Profile },
  node: NodeSpec,
  facts: ReadonlyMap<string, NodeFacts>,
): string {
  const api = `kubeadm.k8s.io/${profile.kubeadmApi}`;
  const hasCgroupV1 = [...facts.values()].some(({ cgroupVersion }) => cgroupVersion === 1);
  return documents([
    {
      apiVersion: api,
      kind: "InitConfiguration",
      // kubeadm makes a token in any case; nodes join with one of their own.
      bootstrapTokens: [{ ttl: "5m0s" }],
      localAPIEndpoint: { advertiseAddress: node.address, bindPort: API_PORT },
      nodeRegistration: nodeRegistration(profile, node, facts.get(node.name)),
    },
    {
      apiVersion: api,
      kind: "ClusterConfiguration",
      kubernetesVersion: `v${profile.kubernetes}`,
      imageRepository: inventory.sources.imageRepository,
      networking: { podSubnet: inventory.pods, serviceSubnet: inventory.services },
    },
    ...(profile.refusesCgroupV1 && hasCgroupV1
      ? [{ apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration", failCgroupV1: false }]
      : []),
  ]);
}

/** The file for `kubeadm join`. The script puts the token where `@TOKEN@` stands: only that is a secret. */
export function joinConfig(
  profile: Profile,
  node: NodeSpec,
  facts: NodeFacts | undefined,
  { endpoint, caHash }: Joining,
): string {
  return documents([
    {
      apiVersion: `kubeadm.k8s.io/${profile.kubeadmApi}`,
      kind: "JoinConfiguration",
      discovery: {
        bootstrapToken: { apiServerEndpoint: endpoint, token: "@TOKEN@", caCertHashes: [caHash] },
      },
      nodeRegistration: nodeRegistration(profile, node, facts),
    },
  ]);
}

function nodeRegistration(profile: Profile, node: NodeSpec, facts: NodeFacts | undefined): object {
  return {
    name: node.name,
    criSocket: CRI_SOCKET,
    kubeletExtraArgs: extraArguments(profile.kubeadmApi, {
      // A server with several addresses is known by the inventory's, and by its name whatever a cloud calls it at boot.
      "node-ip": node.address,
      "hostname-override": node.name,
    }),
    // kubeadm's check of the kernel fails on cgroup version 1, whatever kubelet is told.
    ...(profile.refusesCgroupV1 && facts?.cgroupVersion === 1
      ? { ignorePreflightErrors: ["SystemVerification"] }
      : {}),
  };
}

/** v1beta3 has maps, v1beta4 lists. */
function extraArguments(api: Api, values: Arguments): unknown {
  return api === "v1beta3" ? values : Object.entries(values).map(([name, value]) => ({ name, value }));
}

function documents(values: readonly object[]): string {
  return values.map((value) => stringify(value)).join("---\n");
}
