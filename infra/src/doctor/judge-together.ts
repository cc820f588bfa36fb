import type { Facts } from "./facts.ts";
import { type Finding, Findings } from "./finding.ts";

/** What one node said, and how its clock compares with the operator's. */
export interface Examined {
  readonly name: string;
  readonly facts: Facts;
  readonly clock: Clock;
}

/** How far a node's clock is ahead of the operator's, in milliseconds, and how far that may be wrong: half the way there and back. */
export interface Clock {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

const toleratedMs = 2_000;
// Certificates begin to hold when they are made: a node that is behind refuses them, one far ahead lets tokens expire.
const intolerableMs = 30_000;

/** Judges what no node can know alone: whether they differ where they must, and agree on the time. */
export function judgeTogether(nodes: readonly Examined[]): readonly Finding[] {
  return [
    ...nodes.flatMap(({ name, clock }) => judgeClock(name, clock)),
    ...judgeUnique(
      nodes,
      "MAC address",
      "error",
      macs,
      () =>
        "Two machines with one MAC address do not reach each other: give the copied machine another in the hypervisor.",
    ),
    ...judgeUnique(
      nodes,
      "machine id",
      "error",
      ({ facts }) => [facts.one("machine-id")],
      () =>
        "rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot # on the copied machine: systemd makes flannel's MAC address of it",
    ),
    // Two containers on one machine have it in common, and nothing that up installs uses it.
    ...judgeUnique(
      nodes,
      "product id",
      "warning",
      ({ facts }) => [facts.one("product")],
      () => "Give the copied machine another SMBIOS UUID in the hypervisor.",
    ),
  ];
}

function judgeClock(name: string, { offsetMs, uncertaintyMs }: Clock): readonly Finding[] {
  const findings = new Findings(name);
  const surely = Math.max(0, Math.abs(offsetMs) - uncertaintyMs);
  const seconds = `${(Math.abs(offsetMs) / 1000).toFixed(1)} s ${offsetMs < 0 ? "behind" : "ahead of"} this machine`;
  const fix = "timedatectl set-ntp true || apt-get install systemd-timesyncd; timedatectl timesync-status";
  if (surely > intolerableMs)
    findings.error("clock", `${seconds}: certificates and tokens would not hold.`, fix);
  else if (surely > toleratedMs) findings.warning("clock", `${seconds}.`, fix);
  else
    findings.ok(
      "clock",
      `within ${((Math.abs(offsetMs) + uncertaintyMs) / 1000).toFixed(1)} s of this machine's`,
    );
  return findings.list;
}

/** Without those of tunnels, which are the same everywhere: `0.0.0.0`, or nothing but zeros. */
function macs({ facts }: Examined): readonly string[] {
  return facts
    .all("mac")
    .map(([, address = ""]) => address)
    .filter((address) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address) && /[1-9a-f]/.test(address));
}

function judgeUnique(
  nodes: readonly Examined[],
  what: string,
  level: "warning" | "error",
  valuesOf: (node: Examined) => readonly string[],
  fix: () => string,
): readonly Finding[] {
  const owners = new Map<string, Set<string>>();
  for (const node of nodes) {
    for (const value of valuesOf(node).filter((one) => one !== "")) {
      owners.set(value, (owners.get(value) ?? new Set()).add(node.name));
    }
  }
  const shared = [...owners].filter(([, names]) => names.size > 1);
  const findings = new Findings(
    [...new Set(shared.flatMap(([, names]) => [...names]))].join(", ") || "nodes",
  );
  for (const [value, names] of shared)
    findings[level]("identity", `${[...names].join(" and ")} have the same ${what}, ${value}.`, fix());
  if (shared.length === 0 && nodes.length > 1) findings.ok("identity", `every node has a ${what} of its own`);
  return findings.list;
}
