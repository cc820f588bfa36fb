import { setTimeout as delay } from "node:timers/promises";

import { NodeCommandError } from "../errors.ts";
import type { Kubectl } from "../kubernetes/kubectl.ts";
import { type Belongings, belongings, type Items, KINDS } from "./belongings.ts";
import { describeTroubles } from "./describe.ts";
import { DeployError } from "./errors.ts";
import { creationTroubles, podTroubles, type Trouble } from "./trouble.ts";

const TURN_MS = 2_000;

/** What is waited for, and for how long. */
export interface Rollout {
  readonly kubectl: Kubectl;
  readonly namespace: string;
  /** `deployment/wharf`, `pod/testpod`. */
  readonly workload: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** Milliseconds, and waiting for some. */
export interface Clock {
  now(): number;
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

const realClock: Clock = {
  now: () => performance.now(),
  pause: (ms, signal) => delay(ms, undefined, { signal }),
};

/**
 * Waits until a workload is up to date and ready. Ends sooner when it is in a state that no waiting mends.
 *
 * @throws {DeployError} with the likely cause, its Pods' events and their last lines
 */
export async function waitForRollout(rollout: Rollout, progress: (text: string) => void): Promise<void> {
  const { timeoutMs, signal, clock = realClock } = rollout;
  const until = clock.now() + timeoutMs;
  const tell = whenChanged(progress);
  let patience = new Patience();
  let state: State = { troubles: [], events: [], lacksPostgres: false };
  for (;;) {
    const begun = clock.now();
    if (await isReady(rollout, tell)) return;
    state = (await look(rollout)) ?? state;
    if (state.lacksPostgres) patience = new Patience();
    const isHopeless = patience.isOver(state.troubles, clock.now());
    if (clock.now() > until)
      throw await failure(rollout, state, `is not ready after ${Math.round(timeoutMs / 1000)} s`);
    if (isHopeless) throw await failure(rollout, state, "does not become ready");
    await clock.pause(Math.max(0, begun + TURN_MS - clock.now()), signal);
  }
}

/** Knows for how long each trouble has lasted since the wait began. */
class Patience {
  #since = new Map<string, { readonly at: number; readonly restarts: number | undefined }>();

  isOver(troubles: readonly Trouble[], now: number): boolean {
    // A container that ends again and again runs in between.
    const since = new Map([...this.#since].filter(([, { restarts }]) => restarts !== undefined));
    let isOver = false;
    for (const { kind, name, container, patienceMs, restarts } of troubles) {
      if (patienceMs === Number.POSITIVE_INFINITY) continue;
      const key = [kind, name, container, restarts === undefined].join(" ");
      const first = this.#since.get(key) ?? { at: now, restarts };
      since.set(key, first);
      const hasTriedAgain = restarts === undefined || restarts > (first.restarts ?? 0);
      isOver ||= now - first.at >= patienceMs && hasTriedAgain;
    }
    this.#since = since;
    return isOver;
  }
}

type State = Pick<Belongings, "events" | "lacksPostgres"> & { readonly troubles: readonly Trouble[] };

/** Nothing while the API server is away: a busy control plane restarts it. */
async function look({ kubectl, namespace, workload, signal }: Rollout): Promise<State | undefined> {
  try {
    const args = ["get", KINDS, "--namespace", namespace, "-o", "json"];
    const found = belongings(await kubectl.json<Items>(args, { signal }), workload);
    const { workload: itself, pods, events, lacksPostgres } = found;
    const made = itself === undefined ? [] : creationTroubles(itself, pods, events);
    return { troubles: [...made, ...podTroubles(pods)], events, lacksPostgres };
  } catch (error) {
    if (isAway(error)) return undefined;
    throw error;
  }
}

async function failure(rollout: Rollout, { troubles, events }: State, reason: string): Promise<DeployError> {
  const hint = await describeTroubles(rollout, troubles, events);
  return new DeployError("ROLLOUT_FAILED", `${rollout.workload} ${reason}`, {
    hint: hint || "pnpm cluster status and pnpm cluster logs tell more.",
  });
}

/** kubectl watches for a few seconds, and ends at once when it is so. */
async function isReady(
  { kubectl, namespace, workload, signal }: Rollout,
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
