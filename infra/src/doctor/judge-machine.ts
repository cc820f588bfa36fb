import type { NodeSpec } from "../inventory/inventory.ts";
import type { Profile } from "../profiles/profile.ts";
import type { Facts } from "./facts.ts";
import { type Finding, Findings } from "./finding.ts";

const oldestKernel: readonly [number, number] = [4, 19];

/** Judges what `machine.sh` found: is this a machine that Kubernetes can run on? */
export function judgeMachine(node: NodeSpec, profile: Profile, facts: Facts): readonly Finding[] {
  const findings = new Findings(node.name);
  judgeSystem(findings, facts);
  judgeKernel(findings, profile, facts);
  judgeSize(findings, node, facts);
  judgeSwap(findings, facts);
  judgeDisk(findings, facts);
  const name = facts.one("hostname");
  if (name === node.name) findings.ok("host name", name);
  else findings.warning("host name", `It calls itself ${name}: up names it ${node.name}.`);
  return findings.list;
}

function judgeSystem(findings: Findings, facts: Facts): void {
  const name = facts.one("os", 2) || facts.one("os") || "unknown";
  const family = `${facts.one("os")} ${facts.one("os", 1)}`.split(" ");
  if (family.includes("debian") || family.includes("ubuntu")) findings.ok("system", name);
  else
    findings.error(
      "system",
      `${name} is neither Debian nor Ubuntu.`,
      "Install Debian 12 or later, or Ubuntu 22.04 or later.",
    );
  if (facts.one("init") === "systemd") findings.ok("init", "systemd");
  else
    findings.error(
      "init",
      `Process 1 is ${facts.one("init")}, not systemd, which kubelet and containerd are started by.`,
    );
  const architecture = facts.one("architecture");
  if (architecture === "amd64" || architecture === "arm64") findings.ok("architecture", architecture);
  else
    findings.error(
      "architecture",
      `${architecture} is neither amd64 nor arm64: there are no programs for it.`,
    );
}

function judgeKernel(findings: Findings, profile: Profile, facts: Facts): void {
  const kernel = facts.one("kernel");
  const [major = 0, minor = 0] = kernel.split(".").map((part) => Number.parseInt(part, 10));
  const isOld = major < oldestKernel[0] || (major === oldestKernel[0] && minor < oldestKernel[1]);
  if (isOld)
    findings.error(
      "kernel",
      `${kernel} is older than ${oldestKernel.join(".")}.`,
      "apt-get update && apt-get dist-upgrade && reboot",
    );
  else findings.ok("kernel", kernel);
  for (const [module = "", has] of facts.all("module")) {
    if (has === "yes") findings.ok("kernel", `module ${module}`);
    else
      findings.error(
        "kernel",
        `The module ${module} is missing.`,
        `apt-get install linux-modules-extra-$(uname -r) || apt-get install linux-image-$(dpkg --print-architecture); reboot`,
      );
  }
  if (facts.one("cgroup") === "cgroup2fs") findings.ok("cgroup", "version 2");
  else if (!profile.refusesCgroupV1) findings.ok("cgroup", "version 1");
  else {
    findings.warning(
      "cgroup",
      `Version 1: Kubernetes ${profile.kubernetes} runs on it only because up tells it to, and a later one will not.`,
      "Boot with systemd.unified_cgroup_hierarchy=1 on the kernel's command line, or install a current system.",
    );
  }
}

function judgeSize(findings: Findings, node: NodeSpec, facts: Facts): void {
  const cores = Number(facts.one("cores"));
  const isControlPlane = node.role === "control-plane";
  if (isControlPlane && cores < 2)
    findings.error(
      "cores",
      `${cores}: kubeadm asks for 2 on the control plane.`,
      "Give the machine another core.",
    );
  else findings.ok("cores", String(cores));
  const memory = Number(facts.one("memory")) * 1024;
  // kubeadm asks for 1700 MB on the control plane; machines sold as 2 GB have a little less.
  if (isControlPlane && memory < 1_700_000_000)
    findings.error(
      "memory",
      `${gigabytes(memory)}: kubeadm asks for 1.7 GB on the control plane.`,
      "Give the machine 2 GB or more.",
    );
  else if (memory < 1_700_000_000)
    findings.warning(
      "memory",
      `${gigabytes(memory)}: kubelet, flannel and three replicas take about 1.5 GB.`,
      "Give the machine 2 GB or more.",
    );
  else findings.ok("memory", gigabytes(memory));
}

function judgeSwap(findings: Findings, facts: Facts): void {
  const areas = facts.all("swap").map(([file, size]) => `${file} (${gigabytes(Number(size) * 1024)})`);
  if (areas.length === 0) findings.ok("swap", "off");
  else
    findings.warning(
      "swap",
      `On: ${areas.join(", ")}. kubelet does not start with swap; up turns it off, now and at boot.`,
      "swapoff -a && sed -i '/\\sswap\\s/s/^/# /' /etc/fstab",
    );
}

function judgeDisk(findings: Findings, facts: Facts): void {
  const seen = new Set<string>();
  for (const [folder = "", total, free, device = "", place = ""] of facts.all("disk")) {
    if (seen.has(device)) continue;
    seen.add(device);
    const bytes = Number(free) * 1024;
    const share = Math.round((Number(free) / Number(total)) * 100);
    const text = `${gigabytes(bytes)} free for ${folder}, ${share} %`;
    const fix = `du -xhd2 ${place} | sort -h | tail -20; apt-get clean; journalctl --vacuum-size=200M`;
    if (bytes < 3e9) findings.error("disk", `${text}: programs and images take 3 GB.`, fix);
    else if (share < 15)
      findings.error("disk", `${text}: below 15 % kubelet throws images away and evicts Pods.`, fix);
    else if (share < 20)
      findings.warning("disk", `${text}: below 15 % kubelet throws images away and evicts Pods.`, fix);
    else findings.ok("disk", text);
  }
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
