import { NodeCommandError } from "../errors.ts";
import type { Kubectl } from "../kubernetes/kubectl.ts";
import type { List, Pod } from "../kubernetes/objects.ts";
import { DeployError } from "./errors.ts";
import { describeTroubles, findTroubles } from "./trouble.ts";

/** What is waited for, and for how long. */
export interface Rollout {
  readonly kubectl: Kubectl;
  readonly namespace: string;
  /** `deployment/wharf`, `pod/testpod`. */
  readonly workloads: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Waits until every workload is up to date and ready. Ends sooner when a Pod is in a state that no waiting mends.
 *
 * @throws {DeployError} with the likely cause, the Pods' events and their last lines
 */
export async function waitForRollout(rollout: Rollout, progress: (text: string) => void): Promise<void> {
  const { kubectl, namespace, workloads, timeoutMs, signal } = rollout;
  const until = Date.now() + timeoutMs;
  const tell = whenChanged(progress);
  for (const workload of workloads) {
    while (!(await isReady(rollout, workload, tell))) {
      const troubles = findTroubles(await podsOf(rollout));
      const isOver = Date.now() > until;
      if (!isOver && !troubles.some(({ isHopeless }) => isHopeless)) continue;
      const reason = isOver
        ? `is not ready after ${Math.round(timeoutMs / 1000)} s`
        : "does not become ready";
      const hint = await describeTroubles(kubectl, namespace, troubles, signal);
      throw new DeployError("ROLLOUT_FAILED", `${workload} ${reason}`, {
        hint: hint || "pnpm cluster status and pnpm cluster logs tell more.",
      });
    }
  }
}

/** None while the API server is away: a busy control plane restarts it. */
async function podsOf({ kubectl, namespace, signal }: Rollout): Promise<readonly Pod[]> {
  try {
    return (
      await kubectl.json<List<Pod>>(["get", "pods", "--namespace", namespace, "-o", "json"], { signal })
    ).items;
  } catch (error) {
    if (isAway(error)) return [];
    throw error;
  }
}

/** kubectl watches for a few seconds, and ends at once when it is so. */
async function isReady(
  { kubectl, namespace, signal }: Rollout,
  workload: string,
  tell: (text: string) => void,
): Promise<boolean> {
  const wait = workload.startsWith("pod/")
    ? ["wait", "--for=condition=Ready", workload]
    : ["rollout", "status", workload];
  try {
    await kubectl.run([...wait, "--namespace", namespace, "--timeout=4s"], { signal });
    return true;
  } catch (error) {
    if (isAway(error)) tell("the API server does not answer");
    else if (
      error instanceof NodeCommandError &&
      /timed out|exceeded its progress deadline/.test(error.stderr)
    )
      tell(error.stdout.trimEnd().split("\n").at(-1) || workload);
    else throw error;
    return false;
  }
}

function isAway(error: unknown): boolean {
  const signs =
    /connection to the server \S+ was refused|TLS handshake timeout|i\/o timeout|connection refused|etcdserver: /;
  return error instanceof NodeCommandError && signs.test(error.stderr);
}

function whenChanged(tell: (text: string) => void): (text: string) => void {
  let last = "";
  return (text) => {
    if (text !== last) tell(text);
    last = text;
  };
}
