import { readFile } from "node:fs/promises";

import type { Docker } from "./docker.ts";
import { LABEL, type SandboxSpec } from "./spec.ts";

/** A setting that all machines of the sandbox share with the host, as the kernel has only one of it. */
export interface Shared {
  readonly name: string;
  readonly atLeast: number;
}

/** What two nodes need of the host. */
export function sharedSettings(cores: number): readonly Shared[] {
  return [
    { name: "fs.inotify.max_user_instances", atLeast: 8192 },
    { name: "fs.inotify.max_user_watches", atLeast: 1_048_576 },
    // What kube-proxy would set, and cannot from a container: it is content with as many or more.
    { name: "net.netfilter.nf_conntrack_max", atLeast: Math.max(131_072, 32_768 * cores) },
  ];
}

/** Those that are lower on this machine, with what they are now. A setting that the kernel does not have is passed over. */
export async function tooLow(
  settings: readonly Shared[],
): Promise<readonly (Shared & { readonly now: number })[]> {
  const read = await Promise.all(
    settings.map(async (setting) => {
      const file = `/proc/sys/${setting.name.replaceAll(".", "/")}`;
      return { ...setting, now: Number(await readFile(file, "utf8").catch(() => "Infinity")) };
    }),
  );
  return read.filter(({ now, atLeast }) => now < atLeast);
}

/**
 * Raises settings until the host restarts. A container in the host's network does it, so that whoever may use Docker may
 * do it.
 */
export async function raise(docker: Docker, spec: SandboxSpec, image: string, settings: readonly Shared[]) {
  const values = settings.map(({ name, atLeast }) => `${name}=${atLeast}`);
  const rights = ["--network", "host", "--cap-add", "NET_ADMIN", "--security-opt", "systempaths=unconfined"];
  await docker.run([
    "run",
    "--rm",
    "--label",
    `${LABEL}=${spec.name}`,
    ...rights,
    image,
    "sysctl",
    "-qw",
    ...values,
  ]);
}
