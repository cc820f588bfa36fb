import { attach } from "../node/attach.ts";
import type { Node } from "../node/node.ts";
import { commandLine } from "../node/quote.ts";

/**
 * Runs the control plane's kubectl with this process' own standard input, output and errors: `apply -f -`, `exec -it`,
 * `logs --follow`. Resolves to its exit status.
 *
 * @throws {NodeUnreachableError} when the program that logs in cannot be started
 */
export function attachKubectl(
  controlPlane: Node,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  return attach(controlPlane, kubectlCommand(args), signal);
}

/** For any login shell, root's or that of a user who may become root without a password. */
export function kubectlCommand(args: readonly string[]): string {
  const script = `[ "$(id -u)" = 0 ] || set -- sudo -n "$@"; exec "$@"`;
  return commandLine([
    "sh",
    "-c",
    script,
    "sh",
    "env",
    "KUBECONFIG=/etc/kubernetes/admin.conf",
    "kubectl",
    ...args,
  ]);
}
