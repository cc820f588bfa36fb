import { Readable } from "node:stream";

import { stringify } from "yaml";

import { type Kubectl, prelude, temporaryFolder } from "../kubernetes/kubectl.ts";
import type { List, Metadata, Workload } from "../kubernetes/objects.ts";
import { NodeCommandError } from "../errors.ts";
import type { Node } from "../node/node.ts";
import { parseRendered, podSecurityLevel, type Rendered } from "./objects.ts";
import { isOwned, ownership } from "./overlay.ts";
import { prune } from "./prune.ts";

const manager = "wharf";

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
 * Applies rendered objects server-side and removes what earlier deploys made and these lack. What is as it should be is left
 * alone. A namespace that it makes lets them in; one that was there before stays as it is.
 *
 * @returns a line for each object that changed, or would
 * @throws {NodeCommandError} when the API server refuses one
 */
export async function apply(application: Application): Promise<readonly string[]> {
  const { kubectl, namespace, yaml, isDryRun, signal } = application;
  const objects = parseRendered(yaml);
  const there = await namespaceThere(application);
  // Whoever else has Pods in a namespace that is not ours has a say in what it lets in.
  const isOurs = there === undefined || isOwned(there);
  const all = isOurs ? `${stringify(namespaceObject(namespace, objects))}---\n${yaml}` : yaml;
  const differing = there === undefined ? objects.map(nameOf) : await differences(application, all, objects);
  if (differing.length > 0 && !isDryRun) {
    if (there !== undefined) await makeWay(application, objects, differing);
    await kubectl.run(
      ["apply", "--server-side", `--field-manager=${manager}`, "--force-conflicts", "-f", "-"],
      { input: all, signal },
    );
  }
  const pruned = there === undefined ? [] : await prune(application, objects);
  return [...differing.map((name) => `${name} applied`), ...pruned.map((name) => `${name} removed`)];
}

async function namespaceThere({ kubectl, namespace, signal }: Application): Promise<Metadata | undefined> {
  const args = ["get", "namespace", namespace, "--ignore-not-found", "-o", "json"];
  const { stdout } = await kubectl.run(args, { signal });
  return stdout === "" ? undefined : (JSON.parse(stdout) as { metadata: Metadata }).metadata;
}

function namespaceObject(name: string, objects: readonly Rendered[]) {
  const level = podSecurityLevel(objects);
  const labels = {
    ...ownership,
    "pod-security.kubernetes.io/enforce": level,
    "pod-security.kubernetes.io/warn": level,
  };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

/** Names of the objects that an apply would change. */
async function differences(
  application: Application,
  all: string,
  objects: readonly Rendered[],
): Promise<readonly string[]> {
  const pods = objects.filter(({ kind }) => kind === "Pod");
  if (pods.length === 0) return await diff(application, all);
  // Without them: one object that cannot be changed would hide what else differs.
  const others = parseRendered(all).filter(({ kind }) => kind !== "Pod");
  const differing = await diff(application, manifest(others));
  const hasOtherSettings = differing.some((name) => name.startsWith("ConfigMap "));
  const differingPods = hasOtherSettings ? pods.map(nameOf) : await podDiff(application, pods);
  return [...differing, ...differingPods];
}

async function podDiff(application: Application, pods: readonly Rendered[]): Promise<readonly string[]> {
  try {
    return await diff(application, manifest(pods));
  } catch (error) {
    if (error instanceof NodeCommandError && error.stderr.includes("pod updates may not"))
      return pods.map(nameOf);
    throw error;
  }
}

/** JSON is YAML too, and of one mind about what is a string. */
function manifest(objects: readonly Rendered[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join("---\n");
}

function nameOf({ kind, metadata }: Rendered): string {
  return `${kind} ${metadata.name}`;
}

async function makeWay(
  application: Application,
  objects: readonly Rendered[],
  differing: readonly string[],
): Promise<void> {
  const { kubectl, namespace, signal } = application;
  await handOverReplicas(application, objects);
  // Of a Pod only the image can be changed, and then it counts as ready while the old containers still run.
  const pods = objects.filter((object) => object.kind === "Pod" && differing.includes(nameOf(object)));
  if (pods.length === 0) return;
  const names = pods.map(({ metadata }) => `pod/${metadata.name}`);
  const args = ["delete", "--namespace", namespace, "--ignore-not-found", "--timeout=120s", ...names];
  await kubectl.run(args, { signal });
}

/** As the API server itself says. */
async function diff({ controlPlane, signal }: Application, yaml: string): Promise<readonly string[]> {
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
export function differingObjects(text: string): readonly string[] {
  return [...text.matchAll(/^diff .*\/([^/\s]+)$/gm)].map(([, file = ""]) => {
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
