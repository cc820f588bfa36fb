import type {
  Autoscaler,
  ContainerStatus,
  KubernetesNode,
  Pod,
  Service,
  Workload,
} from "../kubernetes/objects.ts";
import { isReady } from "../kubernetes/nodes.ts";
import { quantity } from "../kubernetes/quantity.ts";
import { type Certificate, parseCertificates } from "./certificates.ts";
import type { Answers } from "./gather.ts";

/** What `status` shows, and prints with `--json`. */
export interface Summary {
  readonly nodes: readonly NodeSummary[];
  readonly components: readonly Component[];
  readonly certificates: readonly Certificate[];
  readonly workloads: readonly Component[];
  readonly pods: readonly PodSummary[];
  readonly services: readonly {
    readonly name: string;
    readonly address: string;
    readonly ports: readonly string[];
  }[];
  readonly autoscalers: readonly AutoscalerSummary[];
  /** What is not well, a sentence each. */
  readonly problems: readonly string[];
}

export interface NodeSummary {
  readonly name: string;
  readonly state: string;
  readonly roles: readonly string[];
  readonly version: string;
  readonly runtime: string;
  readonly ageSeconds: number;
  /** Cores and bytes in use and there are; NaN before metrics-server has an answer. */
  readonly cpu: { readonly used: number; readonly of: number };
  readonly memory: { readonly used: number; readonly of: number };
}

/** Something that is whole when as many are ready as there should be. */
export interface Component {
  readonly name: string;
  readonly ready: number;
  readonly wanted: number;
}

export interface PodSummary {
  readonly name: string;
  readonly node: string;
  readonly state: string;
  readonly ready: string;
  readonly restarts: number;
  readonly ageSeconds: number;
}

export interface AutoscalerSummary {
  readonly name: string;
  readonly replicas: number;
  readonly wanted: number;
  readonly min: number;
  readonly max: number;
  /** Percent of the requests; undefined while metrics are missing. */
  readonly current: number | undefined;
  readonly target: number | undefined;
}

/** @param now milliseconds since 1970 */
export function summarise(answers: Answers, namespace: string, now: number): Summary {
  const age = (since: string | undefined) =>
    since === undefined ? 0 : Math.max(0, Math.round((now - Date.parse(since)) / 1000));
  const ours = ({ metadata }: Workload) => metadata.namespace === namespace;
  const summary = {
    nodes: answers.nodes.items.map((node) =>
      nodeSummary(node, answers, age(node.metadata.creationTimestamp)),
    ),
    components: [
      ...readyz(answers.readyz),
      ...answers.workloads.items.filter((one) => isSystem(one)).map(component),
    ],
    certificates: parseCertificates(answers.certificates ?? "", now),
    workloads: answers.workloads.items.filter(ours).map(component),
    pods: answers.pods.items.map((pod) => podSummary(pod, age(pod.metadata.creationTimestamp))),
    services: answers.services.items.map(serviceSummary),
    autoscalers: answers.autoscalers.items.map(autoscalerSummary),
  };
  return { ...summary, problems: problems(summary, namespace) };
}

function isSystem({ metadata }: Workload): boolean {
  return metadata.namespace === "kube-system" || metadata.namespace === "kube-flannel";
}

function nodeSummary(node: KubernetesNode, { metrics }: Answers, ageSeconds: number): NodeSummary {
  const { conditions = [], capacity = {}, nodeInfo } = node.status;
  const pressures = conditions
    .filter(({ type, status }) => type.endsWith("Pressure") && status === "True")
    .map(({ type }) => type);
  const state = [
    isReady(node) ? "Ready" : "NotReady",
    ...pressures,
    ...(node.spec.unschedulable === true ? ["cordoned"] : []),
  ];
  const usage = metrics?.items.find(({ metadata }) => metadata.name === node.metadata.name)?.usage;
  const prefix = "node-role.kubernetes.io/";
  return {
    name: node.metadata.name,
    state: state.join(","),
    roles: Object.keys(node.metadata.labels ?? {})
      .filter((label) => label.startsWith(prefix))
      .map((label) => label.slice(prefix.length)),
    version: nodeInfo?.kubeletVersion ?? "",
    runtime: nodeInfo?.containerRuntimeVersion.replace("://", " ") ?? "",
    ageSeconds,
    cpu: { used: quantity(usage?.cpu ?? ""), of: quantity(capacity.cpu ?? "") },
    memory: { used: quantity(usage?.memory ?? ""), of: quantity(capacity.memory ?? "") },
  };
}

/** `[+]etcd ok` and `[-]etcd failed: reason withheld`: the API server itself, and what it asks of others. */
function readyz(text: string): readonly Component[] {
  const checks = [...text.matchAll(/^\[([+-])\](\S+)/gm)].map(([, sign, name = ""]) => ({
    name,
    isWell: sign === "+",
  }));
  const failed = checks
    .filter(({ name, isWell }) => !isWell && name !== "etcd")
    .map(({ name }) => ({ name: `kube-apiserver ${name}`, ready: 0, wanted: 1 }));
  const etcd = checks.find(({ name }) => name === "etcd");
  return [
    {
      name: "kube-apiserver",
      ready: checks.length > 0 && checks.every(({ isWell }) => isWell) ? 1 : 0,
      wanted: 1,
    },
    { name: "etcd", ready: etcd?.isWell === true ? 1 : 0, wanted: 1 },
    ...failed,
  ];
}

function component({ kind, metadata, spec, status }: Workload): Component {
  const isDaemonSet = kind === "DaemonSet";
  return {
    name: metadata.name,
    ready: (isDaemonSet ? status.numberReady : status.readyReplicas) ?? 0,
    wanted: (isDaemonSet ? status.desiredNumberScheduled : spec.replicas) ?? 0,
  };
}

function podSummary({ metadata, spec, status }: Pod, ageSeconds: number): PodSummary {
  const containers = status.containerStatuses ?? [];
  return {
    name: metadata.name,
    node: spec.nodeName ?? "",
    state: podState({ metadata, spec, status }),
    ready: `${containers.filter(({ ready }) => ready).length}/${containers.length}`,
    restarts: containers.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ageSeconds,
  };
}

/** The word for a Pod's state that `kubectl get pods` would show: the reason of whatever waits or has ended, else the phase. */
export function podState({ metadata, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  const reason = ({ state }: ContainerStatus) => state?.waiting?.reason ?? state?.terminated?.reason;
  const isOver = ({ state }: ContainerStatus) => state?.terminated?.exitCode === 0;
  const starting = (status.initContainerStatuses ?? []).find(
    (one) => !isOver(one) && reason(one) !== undefined,
  );
  const waiting = (status.containerStatuses ?? []).find((one) => reason(one) !== undefined);
  const initReason = starting === undefined ? undefined : reason(starting);
  if (initReason !== undefined && initReason !== "PodInitializing") return `Init:${initReason}`;
  return (waiting === undefined ? undefined : reason(waiting)) ?? status.phase ?? "Unknown";
}

function serviceSummary({ metadata, spec }: Service) {
  return {
    name: metadata.name,
    address: spec.clusterIP ?? "",
    ports: (spec.ports ?? []).map(({ name, port }) => `${name ?? ""}:${port}`),
  };
}

function autoscalerSummary({ metadata, spec, status }: Autoscaler): AutoscalerSummary {
  return {
    name: metadata.name,
    replicas: status?.currentReplicas ?? 0,
    wanted: status?.desiredReplicas ?? 0,
    min: spec.minReplicas ?? 1,
    max: spec.maxReplicas,
    current: status?.currentMetrics?.find((metric) => metric?.resource?.name === "cpu")?.resource?.current
      .averageUtilization,
    target: spec.metrics?.find(({ resource }) => resource?.name === "cpu")?.resource?.target
      .averageUtilization,
  };
}

function problems(summary: Omit<Summary, "problems">, namespace: string): readonly string[] {
  const lacking = [...summary.components, ...summary.workloads].filter(({ ready, wanted }) => ready < wanted);
  const soon = summary.certificates.filter(({ days }) => days < 30);
  const waiting = summary.pods.filter(
    ({ state, ready }) =>
      state !== "Terminating" && (state !== "Running" || ready.split("/")[0] !== ready.split("/")[1]),
  );
  return [
    ...summary.nodes
      .filter(({ state }) => state !== "Ready")
      .map(({ name, state }) => `Node ${name} is ${state}.`),
    ...lacking.map(({ name, ready, wanted }) =>
      wanted === 1 ? `${name} is not ready.` : `${name}: ${ready} of ${wanted} are ready.`,
    ),
    ...soon.map(({ name, days }) =>
      days < 0
        ? `The certificate ${name} has expired.`
        : `The certificate ${name} expires in ${days} days: kubeadm certs renew all on the control plane.`,
    ),
    ...waiting.map(({ name, state, ready }) => `Pod ${name} is ${state}, ${ready} ready.`),
    ...(summary.pods.length === 0
      ? [`Nothing is deployed in the namespace ${namespace}: pnpm cluster deploy.`]
      : []),
  ];
}
