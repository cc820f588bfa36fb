import type { Inventory, NodeSpec } from "../inventory/inventory.ts";
import { otherRuntime } from "../steps/node-facts.ts";
import { neededPorts } from "../steps/ports.ts";
import type { Facts } from "./facts.ts";
import { type Finding, Findings } from "./finding.ts";
import { ways } from "./ways.ts";

/** Judges what `taken.sh` found. What a finished cluster of this inventory holds is its own. */
export function judgeTaken(
  node: NodeSpec,
  inventory: Pick<Inventory, "nodes" | "pods">,
  facts: Facts,
): readonly Finding[] {
  const findings = new Findings(node.name);
  judgePorts(findings, node, facts);
  judgePackageManager(findings, facts);
  judgeMembership(findings, inventory, facts);
  judgeSoftware(findings, facts);
  judgeFirewall(findings, node, inventory, facts);
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

function judgeMembership(findings: Findings, { nodes }: Pick<Inventory, "nodes">, facts: Facts): void {
  const server = facts.one("joined");
  const controlPlane = nodes.find(({ role }) => role === "control-plane")?.address;
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
  const packages = facts.all("package");
  for (const [name = "", version = ""] of packages) {
    const { what, fix } = otherRuntime(name, version);
    findings.error("runtime", `${what.replace(/^t/, "T")}.`, fix);
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

function judgeFirewall(
  findings: Findings,
  node: NodeSpec,
  { nodes, pods }: Pick<Inventory, "nodes" | "pods">,
  facts: Facts,
): void {
  const ports =
    node.role === "control-plane" ? ["6443/tcp", "10250/tcp", "8472/udp"] : ["10250/tcp", "8472/udp"];
  const fixes = { ufw: ufwRules(node, nodes, pods), firewalld: firewalldRules(node, nodes, pods) };
  for (const [unit, rules] of Object.entries(fixes)) {
    if (!facts.all("unit").some(([name]) => name === unit)) continue;
    findings.warning(
      "firewall",
      `${unit} is active: the nodes must reach each other on ${ports.join(", ")}, and Pods each other through the node.`,
      rules.join("; "),
    );
  }
}

/** Only for the other nodes, and for the Pods of this one, which ask its API server and kubelet. */
function ufwRules(node: NodeSpec, nodes: readonly NodeSpec[], pods: string): readonly string[] {
  const others = ways(nodes).filter(({ to }) => to.name === node.name);
  const own = neededPorts(node.role).filter(({ port }) => port === 6443 || port === 10250);
  const wanted = [
    ...others.map(({ from, protocol, port }) => ({ from: from.address, protocol, port })),
    ...own.map(({ protocol, port }) => ({ from: pods, protocol, port })),
  ];
  return [
    ...wanted.map(
      ({ from, protocol, port }) => `ufw allow from ${from} to any port ${port} proto ${protocol}`,
    ),
    `ufw route allow from ${pods}`,
    `ufw route allow from any to ${pods}`,
  ];
}

function firewalldRules(node: NodeSpec, nodes: readonly NodeSpec[], pods: string): readonly string[] {
  const others = nodes.filter(({ name }) => name !== node.name).map(({ address }) => address);
  const sources = [...others, pods].map((source) => `--add-source=${source}`).join(" ");
  return [`firewall-cmd --permanent --zone=trusted ${sources}`, "firewall-cmd --reload"];
}
