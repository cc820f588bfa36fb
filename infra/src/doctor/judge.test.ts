import { describe, expect, test } from "vitest";

import type { NodeSpec } from "../inventory/inventory.ts";
import type { Profile } from "../profiles/profile.ts";
import { Facts } from "./facts.ts";
import type { Finding } from "./finding.ts";
import { judgeMachine } from "./judge-machine.ts";
import { judgeReach } from "./judge-reach.ts";
import { judgeTaken } from "./judge-taken.ts";
import { judgeTogether } from "./judge-together.ts";

const master: NodeSpec = { name: "k8s-master", address: "192.0.2.11", role: "control-plane", ssh: {} };
const worker: NodeSpec = { name: "k8s-worker", address: "192.0.2.12", role: "worker", ssh: {} };
const cluster = { nodes: [master, worker], pods: "10.244.0.0/16" };
const profile = { kubernetes: "1.37.2", refusesCgroupV1: true } as Profile;

const machine = {
  os: "debian\t\tDebian GNU/Linux 12 (bookworm)",
  init: "systemd",
  architecture: "amd64",
  kernel: "6.1.0-18-amd64",
  cgroup: "cgroup2fs",
  cores: "2",
  memory: "4000000",
  hostname: "k8s-master",
  disk: "/var/lib/containerd\t100000000\t60000000\t/dev/sda1\t/",
};

function facts(differing: Record<string, string> = {}, more = ""): Facts {
  const lines = Object.entries({ ...machine, ...differing }).map(([name, value]) => `${name}\t${value}`);
  return new Facts(`${lines.join("\n")}\n${more}`);
}

function bad(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ level }) => level !== "ok")
    .map(({ level, check, text }) => `${level} ${check}: ${text}`);
}

describe("a machine", () => {
  test("as it should be has no finding", () => {
    expect(bad(judgeMachine(master, profile, facts({}, "module\toverlay\tyes")))).toEqual([]);
  });

  const cases: readonly (readonly [name: string, facts: Facts, level: string, text: RegExp])[] = [
    [
      "another system",
      facts({ os: "fedora\t\tFedora 41" }),
      "error",
      /Fedora 41 is neither Debian nor Ubuntu/,
    ],
    ["a child of Ubuntu", facts({ os: "pop\tubuntu debian\tPop!_OS" }), "none", /^$/],
    ["no systemd", facts({ init: "sh" }), "error", /Process 1 is sh, not systemd/],
    [
      "another architecture",
      facts({ architecture: "riscv64" }),
      "error",
      /riscv64 is neither amd64 nor arm64/,
    ],
    ["an old kernel", facts({ kernel: "4.9.0-19-amd64" }), "error", /4\.9\.0-19-amd64 is older than 4\.19/],
    ["a missing module", facts({}, "module\tbr_netfilter\tno"), "error", /module br_netfilter is missing/],
    [
      "cgroup version 1",
      facts({ cgroup: "tmpfs" }),
      "warning",
      /1\.37\.2 runs on it only because up tells it to/,
    ],
    ["one core", facts({ cores: "1" }), "error", /kubeadm asks for 2/],
    ["little memory", facts({ memory: "1000000" }), "error", /1\.0 GB: kubeadm asks for 1\.7 GB/],
    ["swap", facts({}, "swap\t/dev/sda2\t2000000"), "warning", /\/dev\/sda2 \(2\.0 GB\).*up turns it off/],
    [
      "a full disk",
      facts({ disk: "/var/lib/containerd\t100000000\t2000000\t/dev/sda1\t/" }),
      "error",
      /2\.0 GB free .* take 3 GB/,
    ],
    [
      "a disk below kubelet's threshold",
      facts({ disk: "/usr\t100000000\t12000000\t/dev/sda1\t/" }),
      "error",
      /12 %: below 15 %/,
    ],
    ["another host name", facts({ hostname: "debian" }), "warning", /up names it k8s-master/],
  ];
  test.for(cases)("with %s", ([, found, level, text]) => {
    const findings = judgeMachine(master, profile, found).filter((finding) => finding.level !== "ok");
    expect(findings.map((finding) => finding.level)).toEqual(level === "none" ? [] : [level]);
    expect(findings[0]?.text ?? "").toMatch(text);
  });

  test("with one core does as a worker, and with cgroup version 1 for a release that takes it", () => {
    const old = { ...profile, refusesCgroupV1: false };
    expect(
      bad(judgeMachine({ ...worker, name: "k8s-master" }, old, facts({ cores: "1", cgroup: "tmpfs" }))),
    ).toEqual([]);
  });
});

describe("what is taken", () => {
  const finished = [
    "port\ttcp\t6443\tkube-apiserver",
    "port\ttcp\t2379\tetcd",
    "port\ttcp\t10250\tkubelet",
    "port\ttcp\t10257\tkube-controller",
    "port\tudp\t8472\t",
    "joined\thttps://192.0.2.11:6443",
    "unit\tcontainerd",
    "cni\t/etc/cni/net.d/10-flannel.conflist",
  ].join("\n");

  test("by the finished cluster is its own", () => {
    expect(bad(judgeTaken(master, cluster, new Facts(finished)))).toEqual([]);
  });

  const cases: readonly (readonly [name: string, line: string, finding: RegExp])[] = [
    ["a port", "port\ttcp\t6443\tnginx", /^error ports: tcp 6443 is taken by nginx\.$/],
    [
      "a lock of apt's",
      "apt-lock\t/var/lib/dpkg/lock\t812\tunattended-upgr",
      /^error apt: unattended-upgr \(pid 812\)/,
    ],
    ["an interrupted dpkg", "dpkg-broken\tThe following packages", /^error apt: dpkg was interrupted/],
    ["another cluster", "joined\thttps://10.9.9.9:6443", /^error cluster: .*https:\/\/10\.9\.9\.9:6443/],
    [
      "Docker's containerd",
      "package\tcontainerd.io\t1.7.2",
      /^error runtime: The package containerd\.io 1\.7\.2 is installed: its containerd or CRI-O and ours/,
    ],
    ["another network", "cni\t/etc/cni/net.d/10-calico.conflist", /^error network: .*10-calico/],
    ["a firewall", "unit\tufw", /^warning firewall: ufw is active/],
    ["no ss", "no-program\tss\tiproute2", /^warning ports: Nobody can say/],
  ];
  test.for(cases)("by %s", ([, line, finding]) => {
    const findings = bad(judgeTaken(master, cluster, new Facts(line)));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatch(finding);
  });

  test("on a worker does not count what only the control plane needs", () => {
    expect(bad(judgeTaken(worker, cluster, new Facts("port\ttcp\t2379\tetcd")))).toEqual([]);
  });
});

describe("a firewall is opened to the other nodes and to Pods, and to nobody else", () => {
  const fix = (node: NodeSpec, unit: string) =>
    judgeTaken(node, cluster, new Facts(`unit\t${unit}`)).find(({ check }) => check === "firewall")?.fix;
  const routes = "ufw route allow from 10.244.0.0/16; ufw route allow from any to 10.244.0.0/16";

  test("ufw", () => {
    expect(fix(worker, "ufw")).toBe(
      [
        "ufw allow from 192.0.2.11 to any port 10250 proto tcp",
        "ufw allow from 192.0.2.11 to any port 8472 proto udp",
        "ufw allow from 10.244.0.0/16 to any port 10250 proto tcp",
        routes,
      ].join("; "),
    );
    expect(fix(master, "ufw")).toContain("ufw allow from 192.0.2.12 to any port 6443 proto tcp; ");
    expect(fix(master, "ufw")).toContain("ufw allow from 10.244.0.0/16 to any port 6443 proto tcp; ");
  });

  test("firewalld", () => {
    expect(fix(worker, "firewalld")).toBe(
      "firewall-cmd --permanent --zone=trusted --add-source=192.0.2.11 --add-source=10.244.0.0/16; firewall-cmd --reload",
    );
  });
});

describe("what is reached", () => {
  const cases: readonly (readonly [line: string, finding: RegExp])[] = [
    ["url\thttps://example.org/f\t200\t0.120\t", /^$/],
    ["url\thttps://registry.example.org/v2/\t401\t0.1\t", /^$/],
    ["url\thttps://example.org/f\t401\t0.1\t", /^error sources: example\.org answers 401/],
    ["url\thttps://example.org/f\t404\t0.1\t", /^error sources: example\.org answers 404/],
    [
      "url\thttp://mirror/f\t000\t0\tcurl: (7) Failed to connect",
      /^error sources: http:\/\/mirror\/f cannot be reached: Failed to connect$/,
    ],
    ["no-program\tcurl\tcurl", /^warning sources: They were not tried/],
    ["peer\tk8s-worker\ttcp\t10250\trefused\t2", /^$/],
    ["peer\tk8s-worker\ttcp\t10250\tsilent\t5000", /^error peers: k8s-worker 10250\/tcp does not answer/],
    ["peer\tk8s-worker\ttcp\t10250\tNo route to host\t9", /^error peers: .*No route to host/],
    ["peer\tk8s-worker\tudp\t8472\trefused\t2", /^$/],
    ["peer\tk8s-worker\tudp\t8472\tsilent\t900", /^warning peers: k8s-worker 8472\/udp says nothing/],
    ["peer\tk8s-worker\tudp\t8472\tsilent\t900\njoined\thttps://192.0.2.11:6443", /^$/],
  ];
  test.for(cases)("%s", ([line, finding]) => {
    const findings = bad(judgeReach(master, new Facts(line)));
    expect(findings.join("\n")).toMatch(finding);
  });
});

describe("nodes together", () => {
  const clock = { offsetMs: 5, uncertaintyMs: 5 };
  const one = {
    name: "k8s-master",
    facts: new Facts("mac\teth0\t02:00:00:00:00:01\nmachine-id\taaaa\nproduct\tp1"),
    clock,
  };
  const other = {
    name: "k8s-worker",
    facts: new Facts("mac\teth0\t02:00:00:00:00:02\nmachine-id\tbbbb\nproduct\tp2"),
    clock,
  };

  test("that differ and agree on the time have no finding", () => {
    expect(bad(judgeTogether([one, other]))).toEqual([]);
  });

  test("have tunnels without an address of their own in common", () => {
    const tunnels = "mac\ttunl0\t0.0.0.0\nmac\tgre0\t0.0.0.0\nmac\terspan0\t00:00:00:00:00:00";
    const nodes = [one.name, other.name].map((name) => ({ name, facts: new Facts(tunnels), clock }));
    expect(bad(judgeTogether(nodes))).toEqual([]);
  });

  test("copied from one machine are told apart by nothing", () => {
    expect(bad(judgeTogether([one, { ...other, facts: one.facts }]))).toEqual([
      "error identity: k8s-master and k8s-worker have the same MAC address, 02:00:00:00:00:01.",
      "error identity: k8s-master and k8s-worker have the same machine id, aaaa.",
      "warning identity: k8s-master and k8s-worker have the same product id, p1.",
    ]);
  });

  test("of which one's clock is off by an hour", () => {
    const late = { ...other, clock: { offsetMs: -3_600_000, uncertaintyMs: 40 } };
    expect(bad(judgeTogether([one, late]))).toEqual([
      "error clock: 3600.0 s behind this machine: certificates and tokens would not hold.",
    ]);
  });

  test("whose answers take long are not blamed for it", () => {
    expect(bad(judgeTogether([{ ...one, clock: { offsetMs: 2_500, uncertaintyMs: 1_500 } }]))).toEqual([]);
  });
});
