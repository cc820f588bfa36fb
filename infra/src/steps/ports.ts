import type { NodeSpec } from "../inventory/inventory.ts";

/** A port that the cluster needs on a node, and the program of the cluster that holds it, by its name in the kernel (15 bytes). */
export interface NeededPort {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly holder: string;
}

const everywhere: readonly NeededPort[] = [
  { protocol: "tcp", port: 10250, holder: "kubelet" },
  { protocol: "tcp", port: 10248, holder: "kubelet" },
  { protocol: "tcp", port: 10249, holder: "kube-proxy" },
  { protocol: "tcp", port: 10256, holder: "kube-proxy" },
  // flannel's VXLAN: the kernel's own socket, no process.
  { protocol: "udp", port: 8472, holder: "" },
];

const onControlPlane: readonly NeededPort[] = [
  { protocol: "tcp", port: 6443, holder: "kube-apiserver" },
  { protocol: "tcp", port: 2379, holder: "etcd" },
  { protocol: "tcp", port: 2380, holder: "etcd" },
  { protocol: "tcp", port: 10257, holder: "kube-controller" },
  { protocol: "tcp", port: 10259, holder: "kube-scheduler" },
];

/** The ports that must be free, or the cluster's own, on a node of this role. */
export function neededPorts(role: NodeSpec["role"]): readonly NeededPort[] {
  return role === "control-plane" ? [...onControlPlane, ...everywhere] : everywhere;
}
