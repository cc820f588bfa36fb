import { ClusterError } from "../errors.ts";
import type { NodeSpec } from "../inventory/inventory.ts";
import type { Architecture } from "../profiles/profile.ts";
import type { Fact } from "./step.ts";

const CLOCK_TOLERANCE_S = 60;
const CONTROL_PLANE = { cores: 2, memoryMib: 1700 };
/** What a member that was begun here leaves running: it is undone, and gives its ports back. */
const OWN_PROGRAMS = /^(?:kube|etcd|coredns|flanneld)/u;

/** What was found on a node before anything is done to it. */
export interface NodeFacts {
  readonly architecture: Architecture;
  readonly cgroupVersion: 1 | 2;
  /** Whether containerd and kubelet can lower OOM scores: not in a container without CAP_SYS_RESOURCE. */
  readonly lowersOomScore: boolean;
}

/** A node of today, for steps that ask nothing of it. */
export const NO_FACTS: NodeFacts = { architecture: "amd64", cgroupVersion: 2, lowersOomScore: true };

/** A node that no cluster can be made of, as it is. Nothing on it was changed. */
export class NodeUnfitError extends ClusterError {
  constructor(node: string, problems: readonly Problem[]) {
    super("NODE_UNFIT", `${node}: ${problems.map(({ what }) => what).join("\n  and ")}`, {
      hint: problems.map(({ fix }) => fix).join("\n"),
    });
  }
}

/** What stands in the way, and how to mend it. */
export interface Problem {
  readonly what: string;
  readonly fix: string;
}

/**
 * Reads what `00-facts.sh` says.
 *
 * @param now the operator's clock, in milliseconds
 * @throws {NodeUnfitError} with everything that stands in the way of a cluster
 */
export function readFacts(spec: NodeSpec, facts: readonly Fact[], now: number): NodeFacts {
  const found = new Map(facts);
  const packages = facts.filter(([name]) => name === "package").map(([, value]) => value.split(" "));
  const problems = [
    ...judge(spec, found),
    ...judgeSize(spec, found),
    ...judgeClock(found, now),
    ...judgeUse(found),
    ...packages.map(([name = "", version = ""]) => otherRuntime(name, version)),
  ];
  if (problems.length > 0) throw new NodeUnfitError(spec.name, problems);
  return {
    architecture: found.get("architecture") === "arm64" ? "arm64" : "amd64",
    cgroupVersion: found.get("cgroup") === "1" ? 1 : 2,
    lowersOomScore: found.get("lowersOomScore") !== "no",
  };
}

/** What is said of a package with a container runtime of its own: `docker.io`. `doctor` says the same. */
export function otherRuntime(name: string, version: string): Problem {
  return {
    what: `the package ${name} ${version} is installed: its containerd or CRI-O and ours would use the same socket`,
    fix: `apt-get remove ${name}`,
  };
}

function* judge(spec: NodeSpec, found: ReadonlyMap<string, string>): Generator<Problem> {
  const architecture = found.get("architecture") ?? "";
  if (architecture !== "amd64" && architecture !== "arm64") {
    yield {
      what: `its architecture is ${architecture}`,
      fix: "Kubernetes' packages and containerd are made for amd64 and arm64.",
    };
  }
  if (found.get("apt") === "no" || found.get("systemd") === "no") {
    yield {
      what: `${found.get("system") ?? "its system"} has no ${found.get("apt") === "no" ? "apt" : "systemd"}`,
      fix: "Take a Debian or an Ubuntu: packages come by apt, and systemd keeps them running.",
    };
  }
  if (found.get("hasAddress") === "no") {
    yield {
      what: `no device there has the address ${spec.address}`,
      fix: "Give the address that the other nodes reach it by, as `ip addr` on the node shows it; ssh.host may be another one.",
    };
  }
}

/** What kubeadm demands of a control plane, before the node is changed for it. */
function* judgeSize({ role }: NodeSpec, found: ReadonlyMap<string, string>): Generator<Problem> {
  if (role !== "control-plane") return;
  const cores = Number(found.get("cores"));
  const memory = Number(found.get("memoryMib"));
  if (cores < CONTROL_PLANE.cores)
    yield { what: `it has ${cores} core`, fix: "A control plane needs two: kubeadm refuses less." };
  if (memory < CONTROL_PLANE.memoryMib) {
    yield {
      what: `it has ${memory} MiB of memory`,
      fix: `A control plane needs ${CONTROL_PLANE.memoryMib} MiB: kubeadm refuses less.`,
    };
  }
}

function* judgeClock(found: ReadonlyMap<string, string>, now: number): Generator<Problem> {
  const difference = Math.round(Number(found.get("time") ?? now / 1000) - now / 1000);
  if (Math.abs(difference) <= CLOCK_TOLERANCE_S) return;
  yield {
    what: `its clock is ${Math.abs(difference)} s ${difference > 0 ? "ahead" : "behind"}`,
    fix: "Set it right, or certificates will not be valid: timedatectl set-ntp true, on the node (or here).",
  };
}

function* judgeUse(found: ReadonlyMap<string, string>): Generator<Problem> {
  const foreign = found.get("foreign");
  if (foreign !== undefined) {
    yield {
      what: foreign,
      fix: "Take another machine; or, if that cluster can do without it: kubeadm reset --force, on the node.",
    };
    return;
  }
  if (found.get("member") === "yes") return;
  for (const [name, program] of found) {
    const port = /^port(\d+)$/u.exec(name)?.[1];
    const isOwn = found.get("begun") === "yes" && OWN_PROGRAMS.test(program);
    if (port === undefined || isOwn) continue;
    yield {
      what: `port ${port} is taken by ${program}`,
      fix: `Stop what listens there: ss -ltnp 'sport = :${port}', on the node.`,
    };
  }
}
