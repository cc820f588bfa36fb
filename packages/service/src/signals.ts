import { constants } from "node:os";

/** What a cluster, a service manager or a person at a terminal ends a process by. */
const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Has signals end a process at once, until `runService` does that in order. Called before anything else is loaded: for
 * process 1 of a container the kernel drops every signal that has no handler yet (pid_namespaces(7)).
 */
export function endAtOnce(host: NodeJS.Process): void {
  for (const signal of SIGNALS) host.on(signal, () => host.exit(128 + constants.signals[signal]));
}

/** Takes that back: from now on they are the caller's. */
export function takeSignals(host: NodeJS.Process): void {
  for (const signal of SIGNALS) host.removeAllListeners(signal);
}
