import type { NodeSpec } from "../inventory/inventory.ts";
import type { Facts } from "./facts.ts";
import { type Finding, Findings } from "./finding.ts";

/** A port that the cluster needs on a node, and the program of the cluster that holds it, by its name in the kernel (15 bytes). */
interface NeededPort {
  readonly protocol: "tcp" | "udp";
  readonly port: number;
  readonly holder: string;
}

const everywhere: readonly NeededPort[] = [
  { protocol: "tcp", port: 10250, holder: "kubelet" },
  { protocol: "tcp", port: 10248, holder: "kubelet" },
  { protocol: "tcp", port: 10249, holder: "kube-proxy" },
  { protocol: "tcp", port: 10256, holder: "kube-proxy" },
  // flannel's VXLAN: the kernel's own socket, no process.
  { protocol: "udp", port: 8472, holder: "" },
];

const onControlPlane: readonly NeededPort[] = [
  { protocol: "tcp", port: 6443, holder: "kube-apiserver" },
  { protocol: "tcp", port: 2379, holder: "etcd" },
  { protocol: "tcp", port: 2380, holder: "etcd" },
  { protocol: "tcp", port: 10257, holder: "kube-controller" },
  { protocol: "tcp", port: 10259, holder: "kube-scheduler" },
];

/** The ports that must be free, or the cluster's own, on a node of this role. */
function neededPorts(role: NodeSpec["role"]): readonly NeededPort[] {
  return role === "control-plane" ? [...onControlPlane, ...everywhere] : everywhere;
}

/**
 * Judges what `taken.sh` found. What a finished cluster of this inventory holds is its own.
 *
 * @param controlPlane the address of the control plane, which a node that has joined names
 */
export function judgeTaken(node: NodeSpec, controlPlane: string, facts: Facts): readonly Finding[] {
  const findings = new Findings(node.name);
  judgePorts(findings, node, facts);
  judgePackageManager(findings, facts);
  judgeMembership(findings, controlPlane, facts);
  judgeSoftware(findings, facts);
  judgeFirewall(findings, node, facts);
  return findings.list;
}

function judgePorts(findings: Findings, node: NodeSpec, facts: Facts): void {
  const missing = facts.all("no-program").find(([program]) => program === "ss");
  if (missing !== undefined) {
    findings.warning(
      "ports",
      "Nobody can say which ports are taken: the program ss is missing.",
      `apt-get install ${missing[1]}`,
    );
    return;
  }
  const needed = neededPorts(node.role);
  const taken = needed.flatMap(({ protocol, port, holder }) =>
    facts
      .all("port")
      .filter(
        ([itsProtocol, itsPort, process]) =>
          itsProtocol === protocol && Number(itsPort) === port && process !== holder,
      )
      .map(([, , process]) => ({
        protocol,
        port,
        process: process === "" ? "a process of the kernel's or of another user" : process,
      })),
  );
  for (const { protocol, port, process } of taken) {
    findings.error(
      "ports",
      `${protocol} ${port} is taken by ${process}.`,
      `ss -Hlnp${protocol[0]} 'sport = ${port}' shows it; stop that service (systemctl disable --now ...).`,
    );
  }
  if (taken.length === 0)
    findings.ok("ports", `${needed.map(({ port }) => port).join(", ")} are free, or the cluster's own`);
}

function judgePackageManager(findings: Findings, facts: Facts): void {
  const [lock] = facts.all("apt-lock");
  const broken = facts.one("dpkg-broken");
  if (lock !== undefined) {
    findings.error(
      "apt",
      `${lock[2] || "A process"} (pid ${lock[1]}) holds ${lock[0]}.`,
      "Wait for it: systemctl status apt-daily.service apt-daily-upgrade.service unattended-upgrades.service",
    );
  }
  if (broken !== "") findings.error("apt", `dpkg was interrupted: ${broken}`, "dpkg --configure -a");
  if (lock === undefined && broken === "") findings.ok("apt", "nobody else uses it");
}

function judgeMembership(findings: Findings, controlPlane: string, facts: Facts): void {
  const server = facts.one("joined");
  if (server === "") findings.ok("cluster", "in none yet");
  else if (URL.parse(server)?.hostname === controlPlane) findings.ok("cluster", `in this one, ${server}`);
  else
    findings.error(
      "cluster",
      `The node belongs to the cluster of ${server}.`,
      "kubeadm reset --force on the node, if that cluster can do without it",
    );
}

function judgeSoftware(findings: Findings, facts: Facts): void {
  const packages = facts.all("package").filter(([name]) => name !== "kubelet" && name !== "kubeadm");
  for (const [name, version] of packages) {
    findings.error(
      "runtime",
      `The package ${name} ${version} is installed: its containerd or CRI-O and ours would use the same socket.`,
      `apt-get remove ${name}`,
    );
  }
  if (packages.length === 0)
    findings.ok(
      "runtime",
      facts.all("unit").some(([unit]) => unit === "containerd")
        ? "containerd, as up installs it"
        : "none yet",
    );
  const foreign = facts.all("cni").filter(([file]) => !(file ?? "").endsWith("10-flannel.conflist"));
  for (const [file] of foreign) {
    findings.error("network", `${file} would be used in place of flannel, or beside it.`, `rm ${file}`);
  }
}

function judgeFirewall(findings: Findings, node: NodeSpec, facts: Facts): void {
  const ports = neededPorts(node.role)
    .filter(({ port }) => [6443, 10250, 8472].includes(port))
    .map(({ protocol, port }) => `${port}/${protocol}`);
  for (const [unit = ""] of facts.all("unit").filter(([name]) => name === "ufw" || name === "firewalld")) {
    const fix =
      unit === "ufw"
        ? `${ports.map((port) => `ufw allow ${port}`).join("; ")}; ufw default allow routed`
        : `firewall-cmd --permanent ${ports.map((port) => `--add-port=${port}`).join(" ")}; firewall-cmd --reload`;
    findings.warning(
      "firewall",
      `${unit} is active: the nodes must reach each other on ${ports.join(", ")}, and Pods each other through the node.`,
      fix,
    );
  }
}
