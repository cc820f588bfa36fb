import type { Condition, ContainerStatus, Event, Pod, Workload } from "../kubernetes/objects.ts";
import { podState } from "../status/summary.ts";
import { CARRIED } from "./images.ts";

/** What keeps a workload from becoming ready. */
export interface Trouble {
  readonly kind: "Pod" | "Deployment" | "StatefulSet";
  readonly name: string;
  readonly container: string | undefined;
  readonly state: string;
  /** The likely cause, and what to do about it. */
  readonly cause: string;
  /** For how long it may yet pass: after that no waiting mends it. */
  readonly patienceMs: number;
  /** Of a container that ends: how often it was started anew. What is waited for must have been given another start. */
  readonly restarts?: number;
}

type Judgement = Pick<Trouble, "cause" | "patienceMs" | "restarts">;

/** kubelet and the controllers try again by themselves: what has lasted for this long stays. */
const LASTING_MS = 60_000;
const WHILE_IT_TAKES = Number.POSITIVE_INFINITY;

const imageReasons = new Set(["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"]);
const startReasons = new Set(["CreateContainerConfigError", "CreateContainerError", "RunContainerError"]);

/** What keeps Pods from becoming ready, with the likely cause; nothing when all are. */
export function podTroubles(pods: readonly Pod[]): readonly Trouble[] {
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).flatMap(troublesOf);
}

/** Why a workload's Pods cannot be made: Pod Security, a quota, or a webhook refuses them. */
export function creationTroubles(
  { kind, metadata, spec, status }: Workload,
  pods: readonly Pod[],
  events: readonly Event[],
): readonly Trouble[] {
  const message =
    kind === "Deployment"
      ? status.conditions?.find(isRefusal)?.message
      : // It has no condition for this, and events of earlier times stay for an hour.
        pods.length < (spec.replicas ?? 1)
        ? lastFailure(events, kind, metadata.name)?.message
        : undefined;
  if (message === undefined) return [];
  const remedy = message.includes("violates PodSecurity")
    ? ` kubectl label --overwrite namespace ${metadata.namespace} pod-security.kubernetes.io/enforce=privileged would let them in.`
    : "";
  return [
    {
      kind: kind === "Deployment" ? "Deployment" : "StatefulSet",
      name: metadata.name,
      container: undefined,
      state: "FailedCreate",
      cause: `Its Pods are refused: ${message}.${remedy}`,
      patienceMs: LASTING_MS,
    },
  ];
}

function isRefusal({ type, status, reason }: Condition): boolean {
  if (type === "ReplicaFailure") return status === "True";
  return type === "Progressing" && status === "False" && reason === "ReplicaSetCreateError";
}

function lastFailure(events: readonly Event[], kind: string, name: string): Event | undefined {
  return events
    .filter(
      ({ reason, involvedObject }) =>
        reason === "FailedCreate" && involvedObject.kind === kind && involvedObject.name === name,
    )
    .toSorted((one, other) => (one.lastTimestamp ?? "").localeCompare(other.lastTimestamp ?? ""))
    .at(-1);
}

function troublesOf(pod: Pod): readonly Trouble[] {
  const about = { kind: "Pod", name: pod.metadata.name } as const;
  const unscheduled = pod.status.conditions?.find(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  if (unscheduled !== undefined) {
    const cause = `No node takes it: ${unscheduled.message ?? unscheduled.reason ?? "no reason given"}`;
    return [{ ...about, container: undefined, state: "Pending", cause, patienceMs: WHILE_IT_TAKES }];
  }
  const containers = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
  return containers.flatMap((container) => {
    const found = judge(container, pod.spec.nodeName ?? "its node");
    return found === undefined
      ? []
      : [{ ...about, container: container.name, state: podState(pod), ...found }];
  });
}

function judge(
  { ready, state, lastState, restartCount, image = "" }: ContainerStatus,
  node: string,
): Judgement | undefined {
  const { reason = "", message = reason } = state?.waiting ?? {};
  if (imageReasons.has(reason)) {
    const cause = `${node} lacks the image ${image} and cannot pull it: ${message}`;
    return { cause, patienceMs: isNowhere(reason, message, image) ? 0 : LASTING_MS };
  }
  if (startReasons.has(reason)) return { cause: message, patienceMs: LASTING_MS };
  const ended = state?.terminated ?? lastState?.terminated;
  const isLooping =
    reason === "CrashLoopBackOff" ||
    (restartCount > 0 && ended !== undefined && state?.running === undefined);
  if (!isLooping || ended === undefined) return notYet(ready, reason, state?.running !== undefined);
  return {
    cause: exitCause(ended.exitCode, ended.reason),
    patienceMs: LASTING_MS,
    restarts: restartCount,
  };
}

/** Whether no registry has the image, or there is none to ask; another error of a registry may pass. */
function isNowhere(reason: string, message: string, image: string): boolean {
  return (
    reason === "ErrImageNeverPull" ||
    reason === "InvalidImageName" ||
    image.startsWith(`${CARRIED}/`) ||
    /: not found\b|manifest unknown/.test(message)
  );
}

/** What is only told when the wait is over. */
function notYet(ready: boolean, reason: string, isRunning: boolean): Judgement | undefined {
  const patienceMs = WHILE_IT_TAKES;
  if (!ready && isRunning)
    return { patienceMs, cause: "It runs and is not ready: its readiness probe fails." };
  // PodInitializing: another container's turn.
  if (reason !== "ContainerCreating") return undefined;
  return { patienceMs, cause: "It is not started yet: its volumes, network or image are not there." };
}

function exitCause(status: number, reason: string | undefined): string {
  if (reason === "OOMKilled")
    return "It took more memory than its limit and was killed: raise resources.limits.memory.";
  if (status === 137)
    return "It was killed (status 137): its liveness or startup probe failed, or the node ran out of memory.";
  if (status === 139) return "It crashed (status 139).";
  return `It ends with status ${status}: its last lines say why.`;
}
