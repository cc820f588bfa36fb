import type { Kubectl } from "../kubernetes/kubectl.ts";
import type { Event } from "../kubernetes/objects.ts";
import type { Trouble } from "./trouble.ts";

/** What an operator would look at next: troubles, their events, and the last lines of containers that ended. */
export async function describeTroubles(
  { kubectl, namespace, signal }: { kubectl: Kubectl; namespace: string; signal: AbortSignal },
  troubles: readonly Trouble[],
  events: readonly Event[],
): Promise<string> {
  const parts: string[] = [];
  // Replicas fail alike: three of them say it three times.
  for (const trouble of distinct(troubles)) {
    const { kind, name, container, state, cause } = trouble;
    parts.push(`${kind} ${name}${container === undefined ? "" : `, ${container}`}: ${state}. ${cause}`);
    const its = events.filter(
      ({ type, involvedObject }) =>
        type !== "Normal" && involvedObject.kind === kind && involvedObject.name === name,
    );
    for (const { reason, message } of its.slice(-3)) parts.push(`  event ${reason ?? ""}: ${message ?? ""}`);
    if (container !== undefined)
      parts.push(
        ...(await lastLines(kubectl, namespace, name, container, signal)).map((line) => `  log   ${line}`),
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
