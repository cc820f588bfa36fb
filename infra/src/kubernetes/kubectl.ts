import { Readable } from "node:stream";

import type { Node, Output } from "../node/node.ts";
import { commandLine } from "../node/quote.ts";

/**
 * What comes before commands on the control plane, where kubectl is run: the operator needs none, and its version is the
 * cluster's.
 */
export const prelude = `if [ ! -r /etc/kubernetes/admin.conf ]; then echo "there is no cluster here yet: pnpm cluster up" >&2; exit 1; fi
export KUBECONFIG=/etc/kubernetes/admin.conf
`;

/**
 * Makes $folder for what a script must not leave behind. Below /run/wharf it is in memory, and root's alone. A shell runs
 * no trap of EXIT when a signal ends it: only one of that signal's does.
 */
export const temporaryFolder = `mkdir -p -m 700 /run/wharf
folder=$(mktemp -d /run/wharf/deploy.XXXXXX)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' TERM INT HUP
`;

/** What kubectl is run with. */
export interface KubectlOptions {
  /** What stands on its standard input: manifests for `apply -f -`. */
  readonly input?: string;
  /** Its output is a secret. */
  readonly hasSecretOutput?: boolean;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** The control plane's kubectl. */
export class Kubectl {
  readonly #controlPlane: Node;

  constructor(controlPlane: Node) {
    this.#controlPlane = controlPlane;
  }

  /** @throws {NodeCommandError} when kubectl ends with another status than 0 */
  run(args: readonly string[], options: KubectlOptions = {}): Promise<Output> {
    const { input, ...rest } = options;
    const command = `${prelude}kubectl ${commandLine(args)}`;
    const named = { step: `kubectl ${args.slice(0, 4).join(" ")}`, ...rest };
    if (input === undefined) return this.#controlPlane.run(command, named);
    return this.#controlPlane.feed(command, Readable.from([input]), named);
  }

  /**
   * What the API server answers, as it is.
   *
   * @throws {NodeCommandError} as `run` does
   */
  async json<T>(args: readonly string[], options: KubectlOptions = {}): Promise<T> {
    const { stdout } = await this.run(args, options);
    return JSON.parse(stdout) as T;
  }
}
