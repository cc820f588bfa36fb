import type { ClusterTarget } from "./cluster.ts";

/**
 * Volumes for the claims of one namespace, in the folder that all nodes share: each claim is bound to one of its own.
 * Nothing when the cluster has a class that makes them.
 *
 * @param claims their names, and how they may be mounted
 */
export function volumesFor(
  target: ClusterTarget,
  namespace: string,
  claims: Readonly<Record<string, "ReadWriteOnce" | "ReadWriteMany">>,
): object[] {
  const { sharedFolder } = target;
  if (sharedFolder === undefined) return [];
  return Object.entries(claims).map(([claim, mode]) => ({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `${namespace}-${claim}`, labels: { "wharf-e2e": namespace } },
    spec: {
      accessModes: [mode],
      capacity: { storage: "10Gi" },
      storageClassName: "",
      claimRef: { namespace, name: claim },
      persistentVolumeReclaimPolicy: "Retain",
      hostPath: { path: `${sharedFolder}/${namespace}/${claim}`, type: "DirectoryOrCreate" },
    },
  }));
}
