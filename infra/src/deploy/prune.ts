import type { List, Metadata } from "../kubernetes/objects.ts";
import type { Application } from "./apply.ts";
import type { Rendered } from "./objects.ts";
import { ownership } from "./overlay.ts";

/** What an earlier deploy may have made that this one lacks. Never claims, which hold files, nor Secrets. */
const KINDS = [
  "deployments.apps",
  "statefulsets.apps",
  "pods",
  "services",
  "serviceaccounts",
  "configmaps",
  "horizontalpodautoscalers.autoscaling",
  "poddisruptionbudgets.policy",
  "networkpolicies.networking.k8s.io",
  "ingresses.networking.k8s.io",
];
/** The Prometheus operator's, where the cluster has it. */
const MONITORING_KINDS = ["servicemonitors.monitoring.coreos.com", "prometheusrules.monitoring.coreos.com"];
/** What settings are named in by which Pods are made, also those of an earlier version that may be gone back to. */
const USERS = "replicasets.apps,controllerrevisions.apps,pods";

interface Item {
  readonly kind: string;
  readonly metadata: Metadata;
}

/**
 * Removes what earlier deploys made and these objects lack.
 *
 * @returns what was removed, or would be
 */
export async function prune(
  application: Application,
  objects: readonly Rendered[],
): Promise<readonly string[]> {
  const { kubectl, namespace, isDryRun, signal } = application;
  const selector = `--selector=${Object.entries(ownership)
    .map((pair) => pair.join("="))
    .join(",")}`;
  const kinds = [...KINDS, ...(await monitoringKinds(application))].join(",");
  const args = ["get", kinds, "--namespace", namespace, selector, "-o", "json"];
  const { items } = await kubectl.json<List<Item>>(args, { signal });
  const wanted = new Set(objects.map(nameOf));
  const lacking = items.filter((item) => !wanted.has(nameOf(item)));
  const inUse = lacking.some(({ kind }) => kind === "ConfigMap")
    ? await settingsInUse(application, lacking)
    : new Set();
  const superfluous = lacking
    .filter(({ kind, metadata }) => kind !== "ConfigMap" || !inUse.has(metadata.name))
    .map(nameOf);
  if (superfluous.length > 0 && !isDryRun) {
    await kubectl.run(["delete", "--namespace", namespace, "--wait=false", ...superfluous], { signal });
  }
  return superfluous.map((name) => name.replace("/", " "));
}

async function monitoringKinds({ kubectl, signal }: Application): Promise<readonly string[]> {
  const args = ["get", "customresourcedefinitions", ...MONITORING_KINDS, "--ignore-not-found", "-o", "name"];
  const { stdout } = await kubectl.run(args, { signal });
  return MONITORING_KINDS.filter((kind) => stdout.includes(`/${kind}\n`));
}

/** The ConfigMaps that something names which does not go with these. */
async function settingsInUse(
  { kubectl, namespace, signal }: Application,
  going: readonly Item[],
): Promise<ReadonlySet<string>> {
  const args = ["get", USERS, "--namespace", namespace, "-o", "json"];
  const { items } = await kubectl.json<List<Item>>(args, { signal });
  const gone = new Set(going.map(nameOf));
  const stays = (item: Item) =>
    ![nameOf(item), ...(item.metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind}/${name}`)].some(
      (name) => gone.has(name),
    );
  // Of a Pod that was made for another object it is that one which says what it is made of.
  const isUser = ({ kind, metadata }: Item) => kind !== "Pod" || metadata.ownerReferences === undefined;
  return new Set(items.filter((item) => isUser(item) && stays(item)).flatMap(configMapsIn));
}

/** The names of ConfigMaps anywhere in an object: `configMapRef`, `configMapKeyRef`, a volume's `configMap`. */
function configMapsIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]: [string, unknown]) => {
    const { name } = (part ?? {}) as { name?: unknown };
    return key.startsWith("configMap") && typeof name === "string" ? [name] : configMapsIn(part);
  });
}

function nameOf({ kind, metadata }: Pick<Rendered, "kind" | "metadata"> | Item): string {
  return `${kind}/${metadata.name}`;
}
