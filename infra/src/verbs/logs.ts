import type { Verb } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import { attachKubectl } from "../kubernetes/attached.ts";

const containers = ["fileserver", "downloader"];

/** What our services log, of all replicas. */
export const logs: Verb = {
  name: "logs",
  summary: "Shows what our services log, of all replicas",
  synopsis: "[fileserver|downloader] [--follow] [--previous] [--since 10m] [--tail N]",
  takesWords: true,
  attaches: true,
  options: {
    follow: { type: "boolean", short: "f" },
    previous: { type: "boolean", short: "p" },
    since: { type: "string" },
    tail: { type: "string" },
  },
  descriptions: {
    follow: "go on with what comes",
    previous: "of the containers that ended before those that run now",
    since: "only what is younger: 30s, 10m, 2h",
    tail: "that many lines of each container; 100 unless --since is given",
  },
  async run({ positionals: [container, ...more], values, signal, ...context }) {
    if (more.length > 0 || (container !== undefined && !containers.includes(container))) {
      throw new UsageError(
        `${[container, ...more].join(" ")}: which service?`,
        `There are ${containers.join(" and ")}.`,
      );
    }
    const { inventory, controlPlane } = await context.cluster();
    return await attachKubectl(
      controlPlane,
      logArguments(inventory.deploy.namespace, container, values),
      signal,
    );
  },
};

/** kubectl's words for it. */
export function logArguments(
  namespace: string,
  container: string | undefined,
  { follow, previous, since, tail }: Readonly<Record<string, unknown>>,
): readonly string[] {
  return [
    "logs",
    `--namespace=${namespace}`,
    "--selector=app.kubernetes.io/name=wharf",
    container === undefined ? "--all-containers" : `--container=${container}`,
    "--prefix",
    // Of the autoscaler's most, six replicas with two containers each, and some to spare: kubectl allows five.
    "--max-log-requests=40",
    ...(typeof since === "string" ? [`--since=${since}`] : []),
    ...(typeof tail === "string" ? [`--tail=${tail}`] : since === undefined ? ["--tail=100"] : ["--tail=-1"]),
    ...(follow === true ? ["--follow"] : []),
    ...(previous === true ? ["--previous"] : []),
  ];
}
