import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";

import type { ClusterTarget, Namespace } from "./cluster.ts";

/** What is mounted at `/programs`, in folders as here: they import each other. */
const PROGRAMS = ["cluster/pods/origin.ts", "cluster/pods/load.ts", "harness/content.ts"];
/** What a Pod runs that only waits to be told what to do. */
export const WAIT = ["node", "-e", "setInterval(() => {}, 2 ** 30)"];

/** A Pod of the suites' own. It has Node, since it is made of our image. */
export interface PodSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: string;
  /** A folder of the node at `/shared`, for a Pod that is root. */
  readonly folder?: string;
}

/** The programs of `pods/`, to be mounted at `/programs`. */
export async function programs(): Promise<object> {
  const files = PROGRAMS.map(async (path) => [
    basename(path),
    await readFile(join(import.meta.dirname, "..", path), "utf8"),
  ]);
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "programs" },
    data: Object.fromEntries(await Promise.all(files)) as Record<string, string>,
  };
}

/** The manifest of such a Pod. */
export function pod(target: ClusterTarget, spec: PodSpec): object {
  const { name, command, env = {}, node, folder } = spec;
  const user = folder === undefined ? 65532 : 0;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: name } },
    spec: {
      // Also on the control plane: the Service must answer from there too.
      ...(node !== undefined && { nodeName: node }),
      tolerations: [{ operator: "Exists" }],
      terminationGracePeriodSeconds: 1,
      enableServiceLinks: false,
      containers: [
        {
          name,
          image: `wharf/fileserver:${target.tag}`,
          imagePullPolicy: "IfNotPresent",
          command,
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          securityContext: { runAsUser: user, runAsGroup: user },
          volumeMounts: [
            { name: "programs", mountPath: "/programs" },
            ...(folder === undefined ? [] : [{ name: "shared", mountPath: "/shared" }]),
          ],
        },
      ],
      volumes: [
        {
          name: "programs",
          configMap: { name: "programs", items: PROGRAMS.map((path) => ({ key: basename(path), path })) },
        },
        ...(folder === undefined
          ? []
          : [{ name: "shared", hostPath: { path: folder, type: "DirectoryOrCreate" } }]),
      ],
    },
  };
}

/** Makes folders for the volumes of a namespace, each owned by who is to write in it. */
export async function makeSharedFolders(
  target: ClusterTarget,
  namespace: Namespace,
  owners: Readonly<Record<string, number>>,
): Promise<void> {
  if (target.sharedFolder === undefined) return;
  await withSharedFolder(
    target,
    namespace,
    `import { mkdirSync, chownSync } from "node:fs";
     for (const [name, owner] of Object.entries(${JSON.stringify(owners)})) {
       const folder = "/shared/${namespace.name}/" + name;
       mkdirSync(folder, { recursive: true });
       chownSync(folder, owner, owner);
     }`,
  );
}

/** Removes them, and all that is in them. */
export async function removeSharedFolders(target: ClusterTarget, namespace: Namespace): Promise<void> {
  if (target.sharedFolder === undefined) return;
  await withSharedFolder(
    target,
    namespace,
    `import { rmSync } from "node:fs";
     rmSync("/shared/${namespace.name}", { recursive: true, force: true });`,
  );
}

async function withSharedFolder(target: ClusterTarget, namespace: Namespace, program: string): Promise<void> {
  if (target.sharedFolder === undefined) return;
  const spec = { name: "shared-folder", command: WAIT, folder: target.sharedFolder };
  await namespace.apply(JSON.stringify(await programs()));
  await namespace.apply(JSON.stringify(pod(target, spec)));
  await namespace.kubectl(["wait", "--for=condition=Ready", "pod/shared-folder", "--timeout=60s"]);
  await namespace.evaluate("shared-folder", program);
  await namespace.kubectl(["delete", "pod", "shared-folder"]);
}
