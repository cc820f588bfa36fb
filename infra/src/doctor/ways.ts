import type { NodeSpec } from "../inventory/inventory.ts";

/** A port that one node must reach another one on. */
export interface Way {
  readonly from: NodeSpec;
  readonly to: NodeSpec;
  readonly protocol: "tcp" | "udp";
  readonly port: number;
}

/** Every way between the nodes: to the API server, to kubelets (metrics-server may run anywhere), and for flannel's VXLAN. */
export function ways(nodes: readonly NodeSpec[]): readonly Way[] {
  const all: Way[] = [];
  for (const from of nodes) {
    for (const to of nodes.filter((other) => other !== from)) {
      if (to.role === "control-plane") all.push({ from, to, protocol: "tcp", port: 6443 });
      all.push({ from, to, protocol: "tcp", port: 10250 }, { from, to, protocol: "udp", port: 8472 });
    }
  }
  return all;
}
