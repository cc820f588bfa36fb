import { afterAll, beforeAll, describe } from "vitest";

import { clusterTarget, Namespace, type ClusterTarget } from "./cluster.ts";
import { renderOverlay, type OverlayOptions } from "./overlay.ts";
import { makeSharedFolders, pod, programs, removeSharedFolders, WAIT } from "./pods.ts";
import { volumesFor } from "./volumes.ts";

const FILES_USER = 65532;
const POSTGRES_USER = 999;
const ROLLOUT = "--timeout=220s";

/** What an overlay needs beside itself, and what of it is waited for. */
interface OverlayFacts {
  /** Claims, with how they are mounted and who owns what is in them. */
  readonly claims: Readonly<Record<string, readonly ["ReadWriteOnce" | "ReadWriteMany", number]>>;
  readonly workloads: readonly string[];
  /** The Pod's own answers: a rollout does not know of a bare Pod. */
  readonly isPod?: boolean;
}

/** Every overlay there is. */
export const OVERLAYS: Readonly<Record<string, OverlayFacts>> = {
  pod: { claims: {}, workloads: [], isPod: true },
  hostpath: { claims: {}, workloads: ["deployment/wharf"] },
  shared: {
    claims: {
      "wharf-files": ["ReadWriteMany", FILES_USER],
      "data-wharf-postgres-0": ["ReadWriteOnce", POSTGRES_USER],
    },
    workloads: ["statefulset/wharf-postgres", "deployment/wharf"],
  },
  "per-pod": {
    claims: {
      "files-wharf-0": ["ReadWriteOnce", FILES_USER],
      "files-wharf-1": ["ReadWriteOnce", FILES_USER],
      "files-wharf-2": ["ReadWriteOnce", FILES_USER],
    },
    workloads: ["statefulset/wharf"],
  },
};

/** A namespace with one overlay in it, and a Pod on every node to ask from: `probe-<node>`. */
export interface Deployed {
  readonly target: ClusterTarget;
  readonly namespace: Namespace;
  readonly nodes: readonly string[];
}

/** A suite on an overlay that is deployed for it; skipped by name when no cluster is given. */
export function describeOn(
  overlay: string,
  options: OverlayOptions,
  tests: (on: () => Deployed) => void,
): void {
  const target = clusterTarget(process.env);
  const lack = target ? "" : " (WHARF_CLUSTER_KUBECONFIG names no cluster)";
  describe.skipIf(!target)(`the overlay ${overlay}${lack}`, () => {
    if (!target) return;
    const namespace = new Namespace(target.kubeconfig, `wharf-e2e-${overlay}`);
    let deployed: Deployed | undefined;
    beforeAll(async () => {
      deployed = { target, namespace, nodes: await deploy(overlay, options, target, namespace) };
    }, 600_000);
    afterAll(async () => {
      await namespace.kubectl(["delete", "deployment,statefulset,pod", "--all", "--timeout=120s"]);
      await removeSharedFolders(target, namespace);
      await namespace.remove();
      await namespace.kubectl(["delete", "persistentvolume", "-l", `wharf-e2e=${namespace.name}`]);
    }, 300_000);
    tests(() => {
      if (!deployed) throw new Error(`${overlay} was not deployed`);
      return deployed;
    });
  });
}

async function deploy(
  overlay: string,
  options: OverlayOptions,
  target: ClusterTarget,
  namespace: Namespace,
): Promise<string[]> {
  const { claims, workloads, isPod = false } = OVERLAYS[overlay] ?? { claims: {}, workloads: [] };
  await namespace.create();
  await namespace.kubectl(["delete", "persistentvolume", "-l", `wharf-e2e=${namespace.name}`]);
  const entries = Object.entries(claims);
  await makeSharedFolders(
    target,
    namespace,
    Object.fromEntries(entries.map(([name, [, owner]]) => [name, owner])),
  );
  const modes = Object.fromEntries(entries.map(([name, [mode]]) => [name, mode]));
  const { items } = await namespace.get<{ items: { metadata: { name: string } }[] }>("nodes");
  const nodes = items.map((node) => node.metadata.name);
  const probes = nodes.map((node) => pod(target, { name: `probe-${node}`, command: WAIT, node }));
  const own = [...volumesFor(target, namespace.name, modes), await programs(), ...probes];
  await namespace.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: own }));
  await namespace.apply(await renderOverlay(overlay, target, options));
  for (const workload of workloads) await namespace.kubectl(["rollout", "status", workload, ROLLOUT]);
  const pods = [...(isPod ? ["pod/testpod"] : []), ...nodes.map((node) => `pod/probe-${node}`)];
  await namespace.kubectl(["wait", "--for=condition=Ready", ...pods, ROLLOUT]);
  return nodes;
}
