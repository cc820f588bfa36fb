import { describe, expect, it } from "vitest";

import { readFacts } from "./node-facts.ts";
import type { Fact } from "./step.ts";
import { testInventory } from "./testing.ts";

const NOW = Date.UTC(2026, 10, 23);
const [spec] = testInventory().nodes;
const usual: readonly Fact[] = [
  ["architecture", "amd64"],
  ["system", "Debian GNU/Linux 13"],
  ["apt", "yes"],
  ["systemd", "yes"],
  ["cgroup", "2"],
  ["lowersOomScore", "yes"],
  ["hasAddress", "yes"],
  ["time", String(NOW / 1000)],
  ["member", "no"],
];
const read = (...facts: readonly Fact[]) => {
  if (spec === undefined) throw new Error("no node");
  return readFacts(spec, [...usual, ...facts], NOW);
};

describe("what is found on a node", () => {
  it("is what later steps depend on", () => {
    expect(read()).toEqual({ architecture: "amd64", cgroupVersion: 2, lowersOomScore: true });
    expect(read(["architecture", "arm64"], ["cgroup", "1"], ["lowersOomScore", "no"])).toEqual({
      architecture: "arm64",
      cgroupVersion: 1,
      lowersOomScore: false,
    });
  });

  it.for([
    [["architecture", "riscv64"], "its architecture is riscv64"],
    [["apt", "no"], "Debian GNU/Linux 13 has no apt"],
    [["systemd", "no"], "Debian GNU/Linux 13 has no systemd"],
    [["hasAddress", "no"], "no device there has the address 192.0.2.11"],
    [["time", String(NOW / 1000 + 3600)], "its clock is 3600 s ahead"],
    [["time", String(NOW / 1000 - 3600)], "its clock is 3600 s behind"],
    [["port6443", "nginx"], "port 6443 is taken by nginx"],
    [["port10250", "another program"], "port 10250 is taken by another program"],
    [["port2379", "etcd"], "port 2379 is taken by etcd"],
    [["cores", "1"], "it has 1 core"],
    [["package", "docker.io 20.10.24"], "the package docker.io 20.10.24 is installed"],
    [["memoryMib", "980"], "it has 980 MiB of memory"],
    [["foreign", "it belongs to https://192.0.2.99:6443 already"], "it belongs to https://192.0.2.99:6443"],
  ] as const)("stops everything when %s", ([fact, message]) => {
    expect(() => read(fact)).toThrow(`k8s-master: ${message}`);
  });

  it("names all that stands in the way at once, each with its remedy", () => {
    const facts = [
      ["apt", "no"],
      ["port6443", "nginx"],
    ] as const;
    expect(() => read(...facts)).toThrow(/has no apt\n {2}and port 6443 is taken by nginx/);
  });

  it.for([
    ["a member's own", ["member", "yes"], ["port6443", "haproxy"]],
    ["left by a half-made member of ours", ["begun", "yes"], ["port10250", "kubelet"]],
  ] as const)("does not mind ports that are %s", ([, ...facts]) => {
    expect(() => read(...facts)).not.toThrow();
  });

  it("lets clocks differ by a minute", () => {
    expect(() => read(["time", String(NOW / 1000 + 60)])).not.toThrow();
  });
});
