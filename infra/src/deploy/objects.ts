import { parseAllDocuments } from "yaml";

/** A rendered object, as far as it is read here. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly replicas?: number;
    readonly template?: { readonly spec?: PodSpec };
    readonly volumes?: PodSpec["volumes"];
    readonly initContainers?: PodSpec["initContainers"];
  };
}

interface PodSpec {
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  readonly initContainers?: readonly { readonly securityContext?: { readonly runAsUser?: number } }[];
}

/** The StatefulSet of the component: the downloader ends where there is no Postgres. */
export const POSTGRES = "wharf-postgres";

/** The objects of a rendered overlay. */
export function parseRendered(yaml: string): readonly Rendered[] {
  return parseAllDocuments(yaml)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

/** The strictest level of Pod Security that lets these objects in. */
export function podSecurityLevel(objects: readonly Rendered[]): "privileged" | "baseline" | "restricted" {
  const pods = objects
    .map(({ kind, spec }) => (kind === "Pod" ? (spec as PodSpec | undefined) : spec?.template?.spec))
    .filter((pod) => pod !== undefined);
  if (pods.some(({ volumes }) => volumes?.some((volume) => "hostPath" in volume))) return "privileged";
  const isRoot = pods.some(({ initContainers }) =>
    initContainers?.some(({ securityContext }) => securityContext?.runAsUser === 0),
  );
  return isRoot ? "baseline" : "restricted";
}

/** What is waited for, in this order: `statefulset/wharf-postgres`, `deployment/wharf`. */
export function workloads(objects: readonly Rendered[]): readonly string[] {
  const kinds = new Set(["Deployment", "StatefulSet", "Pod"]);
  const rank = ({ metadata }: Rendered) => (metadata.name === POSTGRES ? 0 : 1);
  return objects
    .filter(({ kind }) => kinds.has(kind))
    .toSorted((one, other) => rank(one) - rank(other))
    .map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
}
