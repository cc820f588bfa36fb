import type { KubernetesNode, List } from "./objects.ts";

/** Whether a node's kubelet says that it is well, and was heard of lately. */
export function isReady({ status }: KubernetesNode): boolean {
  return (status.conditions ?? []).some(
    (condition) => condition.type === "Ready" && condition.status === "True",
  );
}

/** The nodes that are Ready and that Pods without tolerations may be put on. Pressure on a node passes: it counts. */
export function schedulable({ items }: List<KubernetesNode>): readonly KubernetesNode[] {
  return items.filter(
    (node) => isReady(node) && node.spec.unschedulable !== true && !(node.spec.taints ?? []).some(keepsOut),
  );
}

function keepsOut({ effect, key }: { readonly effect: string; readonly key: string }): boolean {
  return effect !== "PreferNoSchedule" && !key.startsWith("node.kubernetes.io/");
}
