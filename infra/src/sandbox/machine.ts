import { existsSync } from "node:fs";
import { connect } from "node:net";
import { release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import type { Docker } from "./docker.ts";
import type { Host } from "./host.ts";
import { LABEL, type Machine, machinesOf, SandboxError, type SandboxSpec } from "./spec.ts";

/** What `docker run` is told for one machine, its image last. */
export function runArguments(
  machine: Machine,
  spec: SandboxSpec,
  image: string,
  host: Host,
  key: string,
): string[] {
  const { container, address } = machine;
  const common = [
    "--detach",
    "--name",
    container,
    "--hostname",
    machine.host,
    "--label",
    `${LABEL}=${spec.name}`,
    "--network",
    spec.name,
    "--ip",
    address,
    "--restart",
    "unless-stopped",
  ];
  const own = machine.kind === "mirror" ? mirrorArguments(spec) : nodeArguments(machine, spec, host, key);
  return ["run", ...common, ...own, image];
}

function mirrorArguments({ name, artefacts }: SandboxSpec): string[] {
  if (artefacts === undefined) return volume(name, `${name}-registry`, "/srv/registry");
  return ["--volume", `${artefacts}/files:/srv/files:ro`, "--volume", `${artefacts}/registry:/srv/registry`];
}

/** Everything that systemd, containerd and kubelet need, short of `--privileged`: that takes a host that lacks nothing. */
function nodeArguments({ container }: Machine, spec: SandboxSpec, host: Host, key: string): string[] {
  const [mirror] = machinesOf(spec);
  const router = mirror?.address ?? "";
  return [
    ...host.capabilities.flatMap((capability) => ["--cap-add", capability]),
    ...["seccomp", "apparmor", "systempaths"].flatMap((one) => ["--security-opt", `${one}=unconfined`]),
    "--device-cgroup-rule",
    "a *:* rwm",
    "--cgroupns",
    "private",
    "--tmpfs",
    "/run:exec",
    "--tmpfs",
    "/tmp:exec",
    // Real folders, for overlayfs cannot stand on overlayfs.
    ...["containerd", "kubelet", "etcd"].flatMap((one) =>
      volume(spec.name, `${container}-${one}`, `/var/lib/${one}`),
    ),
    // In place of a file server: one folder that both nodes have.
    ...volume(spec.name, `${spec.name}-share`, "/srv/share"),
    ...(existsSync(`/lib/modules/${release()}`) ? ["--volume", "/lib/modules:/lib/modules:ro"] : []),
    "--stop-signal",
    "SIGRTMIN+3",
    "--stop-timeout",
    "60",
    "--add-host",
    `mirror:${router}`,
    "--env",
    "container=docker",
    "--env",
    `AUTHORIZED_KEY=${key}`,
    "--env",
    spec.artefacts === undefined ? `RESOLVERS=${host.resolvers.join(" ")}` : `ROUTER=${router}`,
  ];
}

function volume(sandbox: string, name: string, path: string): string[] {
  return ["--mount", `type=volume,src=${name},dst=${path},volume-label=${LABEL}=${sandbox}`];
}

/**
 * Resolves when the machine does what it is for: a node has booted and takes logins, the mirror answers.
 *
 * @returns what is not right with it all the same: units that failed
 * @throws {SandboxError} when it does not within a minute
 */
export async function waitUntilUp(
  docker: Docker,
  { container, address, kind }: Machine,
  signal: AbortSignal,
) {
  const within = AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
  try {
    for (const port of kind === "node" ? [22] : [80, 5000]) await waitForPort(address, port, within);
  } catch (error) {
    signal.throwIfAborted();
    throw new SandboxError(`${container} does not answer at ${address}`, `docker logs ${container}`, {
      cause: error,
    });
  }
  if (kind === "mirror") return [];
  const script =
    "timeout 90 systemctl is-system-running --wait > /dev/null || systemctl list-units --failed --plain --no-legend";
  const failed = await docker.run(["exec", container, "sh", "-c", script]);
  return failed === "" ? [] : failed.split("\n").map((line) => `failed: ${line}`);
}

async function waitForPort(host: string, port: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    if (await isOpen(host, port, signal)) return;
    await sleep(200, undefined, { signal });
  }
}

function isOpen(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, signal, timeout: 2000 });
  socket
    .once("connect", () => resolve(true))
    .once("timeout", () => resolve(false))
    .once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
