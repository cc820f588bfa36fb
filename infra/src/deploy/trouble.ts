import type { Kubectl } from "../kubernetes/kubectl.ts";
import type { ContainerStatus, Event, List, Pod } from "../kubernetes/objects.ts";
import { podState } from "../status/summary.ts";

/** A container that keeps a Pod from becoming ready. */
export interface Trouble {
  readonly pod: string;
  readonly container: string | undefined;
  readonly state: string;
  /** The likely cause, and what to do about it. */
  readonly cause: string;
  /** No waiting will mend it. */
  readonly isHopeless: boolean;
}

const imageReasons = new Set(["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"]);

/** What keeps Pods from becoming ready, with the likely cause; nothing when all are. */
export function findTroubles(pods: readonly Pod[]): readonly Trouble[] {
  return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined).flatMap(troublesOf);
}

function troublesOf(pod: Pod): readonly Trouble[] {
  const name = pod.metadata.name;
  const unscheduled = pod.status.conditions?.find(
    ({ type, status }) => type === "PodScheduled" && status === "False",
  );
  if (unscheduled !== undefined) {
    const cause = `No node takes it: ${unscheduled.message ?? unscheduled.reason ?? "no reason given"}`;
    return [{ pod: name, container: undefined, state: "Pending", cause, isHopeless: false }];
  }
  const containers = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
  return containers.flatMap((container) => {
    const found = judge(container, pod.spec.nodeName ?? "its node");
    return found === undefined
      ? []
      : [{ pod: name, container: container.name, state: podState(pod), ...found }];
  });
}

function judge(
  { ready, state, lastState, restartCount, image }: ContainerStatus,
  node: string,
): Pick<Trouble, "cause" | "isHopeless"> | undefined {
  const reason = state?.waiting?.reason ?? "";
  if (imageReasons.has(reason)) {
    return {
      isHopeless: true,
      cause: `${node} lacks the image ${image ?? ""} and cannot pull it: ${state?.waiting?.message ?? reason}`,
    };
  }
  if (
    reason === "CreateContainerConfigError" ||
    reason === "CreateContainerError" ||
    reason === "RunContainerError"
  ) {
    return { isHopeless: true, cause: state?.waiting?.message ?? reason };
  }
  const ended = state?.terminated ?? lastState?.terminated;
  const isLooping =
    reason === "CrashLoopBackOff" ||
    (restartCount > 0 && ended !== undefined && state?.running === undefined);
  if (!isLooping || ended === undefined) return notYet(ready, reason, state?.running !== undefined);
  return { isHopeless: restartCount >= 2, cause: exitCause(ended.exitCode, ended.reason) };
}

/** What is only told when the wait is over. */
function notYet(
  ready: boolean,
  reason: string,
  isRunning: boolean,
): Pick<Trouble, "cause" | "isHopeless"> | undefined {
  if (!ready && isRunning)
    return { isHopeless: false, cause: "It runs and is not ready: its readiness probe fails." };
  // PodInitializing: another container's turn.
  if (reason !== "ContainerCreating") return undefined;
  return { isHopeless: false, cause: "It is not started yet: its volumes, network or image are not there." };
}

function exitCause(status: number, reason: string | undefined): string {
  if (reason === "OOMKilled")
    return "It took more memory than its limit and was killed: raise resources.limits.memory.";
  if (status === 137)
    return "It was killed (status 137): its liveness or startup probe failed, or the node ran out of memory.";
  if (status === 139) return "It crashed (status 139).";
  return `It ends with status ${status}: its last lines say why.`;
}

/** What an operator would look at next: troubles, the Pods' events, and the last lines of containers that ended. */
export async function describeTroubles(
  kubectl: Kubectl,
  namespace: string,
  troubles: readonly Trouble[],
  signal: AbortSignal,
): Promise<string> {
  const { items } = await kubectl.json<List<Event>>(
    ["get", "events", "--namespace", namespace, "-o", "json"],
    { signal },
  );
  const parts: string[] = [];
  // Replicas fail alike: three of them say it three times.
  for (const trouble of distinct(troubles)) {
    const { pod, container, state, cause } = trouble;
    parts.push(`Pod ${pod}${container === undefined ? "" : `, ${container}`}: ${state}. ${cause}`);
    const events = items.filter(
      ({ type, involvedObject }) =>
        type !== "Normal" && involvedObject.kind === "Pod" && involvedObject.name === pod,
    );
    for (const { reason, message } of events.slice(-3))
      parts.push(`  event ${reason ?? ""}: ${message ?? ""}`);
    if (container !== undefined)
      parts.push(
        ...(await lastLines(kubectl, namespace, pod, container, signal)).map((line) => `  log   ${line}`),
      );
  }
  return parts.join("\n");
}

function distinct(troubles: readonly Trouble[]): readonly Trouble[] {
  return [...new Map(troubles.map((trouble) => [`${trouble.container} ${trouble.cause}`, trouble])).values()];
}

/** Of the container that ended, or, where there was none, of the one that runs. */
async function lastLines(
  kubectl: Kubectl,
  namespace: string,
  pod: string,
  container: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const args = ["logs", "--namespace", namespace, pod, "--container", container, "--tail=10"];
  const output = await kubectl
    .run([...args, "--previous"], { signal })
    .catch(() => kubectl.run(args, { signal }))
    .catch(() => undefined);
  return (
    output?.stdout
      .trimEnd()
      .split("\n")
      .filter((line) => line !== "") ?? []
  );
}
