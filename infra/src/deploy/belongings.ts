import type { Event, List, Pod, Workload } from "../kubernetes/objects.ts";
import { POSTGRES } from "./objects.ts";

/** What is asked for at once. */
export const KINDS = "deployments,replicasets,statefulsets,pods,events";

export type Items = List<{ readonly kind: string } & (Workload | Pod | Event)>;

/** What a namespace has of one workload, and of nobody else. */
export interface Belongings {
  /** Undefined for a bare Pod. */
  readonly workload: Workload | undefined;
  /** Of a Deployment only those of its newest ReplicaSet: earlier ones are on their way out. */
  readonly pods: readonly Pod[];
  readonly events: readonly Event[];
  /** Postgres is not ready, and this is something else: it cannot be either. */
  readonly lacksPostgres: boolean;
}

/** @param workload `deployment/wharf`, `pod/testpod` */
export function belongings({ items }: Items, workload: string): Belongings {
  const of = (wanted: string) => items.filter((item) => item.kind === wanted);
  const [kind, name] = workload.split("/");
  const pods = of("Pod") as readonly Pod[];
  const events = of("Event") as readonly Event[];
  const postgres = (of("StatefulSet") as readonly Workload[]).find(
    ({ metadata }) => metadata.name === POSTGRES,
  );
  const lacksPostgres =
    postgres !== undefined && name !== POSTGRES && (postgres.status.readyReplicas ?? 0) === 0;
  if (kind === "pod") {
    const its = pods.filter(({ metadata }) => metadata.name === name);
    return { workload: undefined, pods: its, events, lacksPostgres };
  }
  const itself = (of(kind === "deployment" ? "Deployment" : "StatefulSet") as readonly Workload[]).find(
    ({ metadata }) => metadata.name === name,
  );
  const owner = kind === "deployment" ? newest(of("ReplicaSet") as readonly Workload[], itself) : itself;
  return { workload: itself, pods: pods.filter((pod) => isOf(pod, owner)), events, lacksPostgres };
}

function newest(replicaSets: readonly Workload[], deployment: Workload | undefined): Workload | undefined {
  const revision = ({ metadata }: Workload) =>
    Number(metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0);
  return replicaSets
    .filter((one) => isOf(one, deployment))
    .toSorted((one, other) => revision(one) - revision(other))
    .at(-1);
}

function isOf({ metadata }: Workload | Pod, owner: Workload | undefined): boolean {
  const uid = owner?.metadata.uid;
  return uid !== undefined && metadata.ownerReferences?.some((one) => one.uid === uid) === true;
}
