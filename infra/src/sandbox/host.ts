import { readFile, statfs } from "node:fs/promises";
import { availableParallelism, networkInterfaces } from "node:os";

import type { Docker } from "./docker.ts";
import { SandboxError } from "./spec.ts";

/** What the sandbox must know of the machine it stands on. */
export interface Host {
  /** Where Docker keeps everything. */
  readonly dockerFolder: string;
  /** As `--cap-add` takes them: `NET_ADMIN`. */
  readonly capabilities: readonly string[];
  /** Name servers that a container can reach. */
  readonly resolvers: readonly string[];
  readonly cores: number;
}

/** In the order of their bits: capabilities(7), linux/capability.h. */
const CAPABILITIES =
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
  NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
  SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
  SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ`.split(/\s+/);

/** systemd, kubelet and flannel do nothing without these. */
const NEEDED = ["SYS_ADMIN", "NET_ADMIN", "MKNOD", "SYS_CHROOT", "SYS_PTRACE"];

const LEAST_FREE_BYTES = 6 * 2 ** 30;

/**
 * Looks whether two nodes can stand here, and changes nothing.
 *
 * @throws {SandboxError} with what is missing
 * @throws {DockerError} when Docker does not answer
 */
export async function inspectHost(docker: Docker): Promise<Host> {
  if (process.platform !== "linux")
    throw new SandboxError("the sandbox needs Linux: its nodes share the kernel");
  checkEndpoint(await docker.run(["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]));
  await docker.run(["version"]);
  const info = JSON.parse(await docker.run(["info", "--format", "{{json .}}"])) as {
    DockerRootDir: string;
    OperatingSystem: string;
    SecurityOptions: string[] | null;
  };
  checkOperatingSystem(info.OperatingSystem);
  if (info.SecurityOptions?.some((one) => one.includes("rootless")) === true) {
    throw new SandboxError(
      "Docker runs rootless: kubelet needs more than that gives",
      "Use the system's Docker.",
    );
  }
  return {
    dockerFolder: info.DockerRootDir,
    capabilities: capabilitiesIn(await readFile("/proc/self/status", "utf8")),
    resolvers: await readResolvers(),
    cores: availableParallelism(),
  };
}

/**
 * The containers' addresses, kernel and folders are to be this machine's.
 *
 * @param endpoint where the daemon is: `unix:///var/run/docker.sock`
 * @throws {SandboxError} when that is another machine
 */
export function checkEndpoint(endpoint: string): void {
  if (endpoint.startsWith("unix://")) return;
  throw new SandboxError(
    `Docker is elsewhere (${endpoint}): its containers could not be reached from here`,
    "Run this on that machine, or choose this one's: unset DOCKER_HOST DOCKER_CONTEXT; docker context use default",
  );
}

/** @throws {SandboxError} when the daemon is in a virtual machine, though its socket is here */
export function checkOperatingSystem(name: string): void {
  if (!name.includes("Docker Desktop")) return;
  throw new SandboxError(
    "Docker Desktop has its containers in a virtual machine: they could not be reached from here",
    "Use the system's Docker (apt-get install docker.io; docker context use default), or run this in a virtual machine of your own.",
  );
}

/**
 * What `/proc/self/status` says can be given to a container, for Docker may not give what the host lacks, which is why
 * `--privileged` would fail there. The newest three (BPF, PERFMON, CHECKPOINT_RESTORE) are left out: Docker before 23
 * does not know them, and nothing here needs them. So is SYS_TIME: a node that sets its clock would set the host's.
 */
export function capabilitiesIn(status: string): readonly string[] {
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  const held = CAPABILITIES.filter(
    (name, bit) => ((bounding >> BigInt(bit)) & 1n) === 1n && name !== "SYS_TIME",
  );
  const missing = NEEDED.filter((one) => !held.includes(one));
  if (missing.length === 0) return held;
  throw new SandboxError(
    `this machine lacks the capabilities ${missing.join(", ")}`,
    "Is it a container itself?",
  );
}

/** The name servers in a `resolv.conf` that are not on a loopback address. */
export function resolversIn(file: string): readonly string[] {
  return [...file.matchAll(/^nameserver\s+(\S+)/gm)]
    .map(([, address = ""]) => address)
    .filter((address) => !address.startsWith("127.") && address !== "::1");
}

/** @throws {SandboxError} when this machine has an address in the subnet */
export function checkSubnetIsFree(subnet: string): void {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((one) => one.address.startsWith(`${subnet}.`)) === true) {
      throw new SandboxError(
        `${subnet}.0/24 is in use: ${name} has an address in it`,
        "Choose another with --subnet.",
      );
    }
  }
}

/** @throws {SandboxError} when the disk that Docker's folder is on has no room for two nodes */
export async function checkDisk(folder: string): Promise<void> {
  // Somebody who may use Docker need not be allowed to look into its folder.
  const disk = await statfs(folder).catch(() => statfs("/"));
  const free = disk.bavail * disk.bsize;
  const share = disk.bavail / disk.blocks;
  if (free >= LEAST_FREE_BYTES && share > 0.15) return;
  throw new SandboxError(
    `${folder} has ${(free / 2 ** 30).toFixed(1)} GiB free, ${Math.floor(share * 100)} %: 6 GiB and more than 15 % are needed`,
    "Below 15 % kubelet removes images and evicts Pods.",
  );
}

async function readResolvers(): Promise<readonly string[]> {
  // systemd-resolved answers on a loopback address, and keeps the real ones in the second file.
  for (const file of ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]) {
    const found = resolversIn(await readFile(file, "utf8").catch(() => ""));
    if (found.length > 0) return found;
  }
  return [];
}
