import { Readable } from "node:stream";

import { stringify } from "yaml";

import { type Kubectl, prelude, temporaryFolder } from "../kubernetes/kubectl.ts";
import type { List, Metadata, Workload } from "../kubernetes/objects.ts";
import type { Node } from "../node/node.ts";
import { parseRendered, podSecurityLevel, type Rendered } from "./objects.ts";
import { ownership } from "./overlay.ts";

const manager = "wharf";

/** What an earlier deploy may have made that this one lacks. Never claims: they hold files. */
const prunedKinds = [
  "deployments.apps",
  "statefulsets.apps",
  "pods",
  "services",
  "horizontalpodautoscalers.autoscaling",
  "poddisruptionbudgets.policy",
  "networkpolicies.networking.k8s.io",
  "ingresses.networking.k8s.io",
];

/** What is brought about in one namespace. */
export interface Application {
  readonly controlPlane: Node;
  readonly kubectl: Kubectl;
  readonly namespace: string;
  readonly yaml: string;
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

/**
 * Applies rendered objects server-side, in a namespace that lets them in, and removes what earlier deploys made and these
 * lack. What is as it should be is left alone.
 *
 * @returns a line for each object that changed, or would
 * @throws {NodeCommandError} when the API server refuses one
 */
export async function apply(application: Application): Promise<readonly string[]> {
  const { kubectl, namespace, yaml, isDryRun, signal } = application;
  const objects = parseRendered(yaml);
  const all = `${stringify(namespaceObject(namespace, objects))}---\n${yaml}`;
  const isThere =
    (await kubectl.run(["get", "namespace", namespace, "--ignore-not-found", "-o", "name"], { signal }))
      .stdout !== "";
  const differing = isThere
    ? await differences(application, all)
    : objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  if (differing.length > 0 && !isDryRun) {
    if (isThere) await handOverReplicas(application, objects);
    await kubectl.run(
      ["apply", "--server-side", `--field-manager=${manager}`, "--force-conflicts", "-f", "-"],
      { input: all, signal },
    );
  }
  const pruned = isThere ? await prune(application, objects) : [];
  return [...differing.map((name) => `${name} applied`), ...pruned.map((name) => `${name} removed`)];
}

function namespaceObject(name: string, objects: readonly Rendered[]) {
  const level = podSecurityLevel(objects);
  const labels = { "pod-security.kubernetes.io/enforce": level, "pod-security.kubernetes.io/warn": level };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** The objects that an apply would change, as the API server itself says. */
async function differences({ controlPlane, signal }: Application, yaml: string): Promise<readonly string[]> {
  // 1 says that there are some.
  const command = `${prelude}${temporaryFolder}TMPDIR=$folder kubectl diff --server-side --force-conflicts --field-manager=${manager} -f - || [ $? -eq 1 ]`;
  const { stdout } = await controlPlane.feed(command, Readable.from([yaml]), {
    step: "kubectl diff",
    hasSecretOutput: true,
    signal,
  });
  return differingObjects(stdout);
}

/** Reads the headers of `kubectl diff`: `diff -u -N /tmp/LIVE-1/apps.v1.Deployment.wharf.wharf /tmp/MERGED-1/…`. */
export function differingObjects(diff: string): readonly string[] {
  return [...diff.matchAll(/^diff .*\/([^/\s]+)$/gm)].map(([, file = ""]) => {
    // group.version.Kind.namespace.name; the group may have dots in it, kinds alone begin with a capital.
    const [, kind = file, name = ""] = /(?:^|\.)([A-Z][A-Za-z]+)\.[^.]*\.(.+)$/.exec(file) ?? [];
    return `${kind} ${name}`.trim();
  });
}

/**
 * An autoscaler takes over the number of replicas: it is left out of the Deployment, which would set it to one until the
 * autoscaler has looked. So somebody else owns the number meanwhile, as it is.
 *
 * Kubernetes' documentation, "Server-Side Apply", "Transferring ownership".
 */
async function handOverReplicas(
  { kubectl, namespace, signal }: Application,
  objects: readonly Rendered[],
): Promise<void> {
  const scaled = objects.find(({ kind, spec }) => kind === "Deployment" && spec?.replicas === undefined);
  if (scaled === undefined || !objects.some(({ kind }) => kind === "HorizontalPodAutoscaler")) return;
  const args = [
    "get",
    "deployments",
    "--namespace",
    namespace,
    "--field-selector",
    `metadata.name=${scaled.metadata.name}`,
    "-o",
    "json",
  ];
  const replicas = (await kubectl.json<List<Workload>>(args, { signal })).items[0]?.spec.replicas;
  if (replicas === undefined) return;
  const { apiVersion, kind, metadata } = scaled;
  const input = stringify({
    apiVersion,
    kind,
    metadata: { name: metadata.name, namespace },
    spec: { replicas },
  });
  await kubectl.run(
    ["apply", "--server-side", "--field-manager=wharf-replicas", "--force-conflicts", "-f", "-"],
    { input, signal },
  );
}

async function prune(
  { kubectl, namespace, isDryRun, signal }: Application,
  objects: readonly Rendered[],
): Promise<readonly string[]> {
  const [[label, value] = ["", ""]] = Object.entries(ownership);
  const args = [
    "get",
    prunedKinds.join(","),
    "--namespace",
    namespace,
    `--selector=${label}=${value}`,
    "-o",
    "json",
  ];
  const { items } = await kubectl.json<List<{ kind: string; metadata: Metadata }>>(args, { signal });
  const wanted = new Set(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
  const superfluous = items
    .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
    .filter((name) => !wanted.has(name));
  if (superfluous.length > 0 && !isDryRun) {
    await kubectl.run(["delete", "--namespace", namespace, "--wait=false", ...superfluous], { signal });
  }
  return superfluous.map((name) => name.replace("/", " "));
}
