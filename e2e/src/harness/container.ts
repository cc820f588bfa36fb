import { execFile, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";

import type { Command, Environment, Surroundings } from "./command.ts";
import { containerUser } from "./container-user.ts";
import { dockerEnvironment } from "./environment.ts";
import { madeFolder } from "./folder.ts";

/** What the suites' containers are told apart by, should any be left: `docker ps --filter label=wharf.e2e`. */
const LABEL = "wharf.e2e";

/** As confined as the manifests have them. The log goes to whoever started it, and nowhere else. */
const CONFINED = [
  "--init=false --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges",
  "--pull never --log-driver none",
].flatMap((options) => options.split(" "));

/**
 * Runs an image's own command in a container. Of the suites' folders it sees those that its environment names, where
 * they are here; but one that is the volume as a whole is where the image expects it.
 */
export function containerCommand(image: string, env: Environment, surroundings: Surroundings): Command {
  const container = `wharf-e2e-${randomUUID()}`;
  const { VOLUME_DIR: volume, ...others } = env;
  const isWhole = volume !== undefined && madeFolder(volume) === volume;
  const seen = isWhole || volume === undefined ? others : { ...others, VOLUME_DIR: volume };
  const folders = new Set(Object.values(seen).flatMap((value) => madeFolder(value) ?? []));
  const mounts = [
    ...(isWhole ? [`${volume}:/data`] : []),
    ...[...folders].map((folder) => `${folder}:${folder}`),
    ...Object.entries(surroundings.files).map(([target, source]) => `${source}:${target}:ro`),
  ];
  const args = [
    "run",
    ...optionsOf(container, surroundings.network),
    ...mounts.flatMap((mount) => ["--volume", mount]),
    ...Object.entries(seen).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    image,
  ];
  return { file: "docker", args, cwd: "/", env: dockerEnvironment, container };
}

/** Starts a container with a network of its own, that others may join; it does nothing. */
export async function startSandbox(image: string): Promise<string> {
  const container = `wharf-e2e-${randomUUID()}`;
  const options = [...optionsOf(container, "none"), "--sysctl", "net.ipv6.conf.all.disable_ipv6=0"];
  const idle = ["--entrypoint", "node", image, "--eval", "setInterval(() => undefined, 2 ** 30)"];
  await docker(["run", "--detach", ...options, ...idle]);
  return container;
}

function optionsOf(container: string, network: string): string[] {
  const { uid, gid } = containerUser ?? { uid: 0, gid: 0 };
  const identity = ["--name", container, "--label", LABEL, "--user", `${uid}:${gid}`];
  return [...CONFINED, ...identity, "--network", network];
}

/** The id that a container's first process has outside of it. */
export async function processOf(container: string): Promise<number> {
  return Number(await docker(["inspect", "--format", "{{.State.Pid}}", container]));
}

/** Ends containers without delay, and waits until they are gone; those that are already do not matter. */
export function removeContainers(containers: readonly string[]): void {
  if (containers.length === 0) return;
  spawnSync("docker", ["rm", "--force", ...containers], { env: dockerEnvironment, stdio: "ignore" });
}

async function docker(args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("docker", args, { env: dockerEnvironment });
  return stdout.trim();
}
