import { networkInterfaces } from "node:os";
import { expect, it } from "vitest";

import {
  capabilitiesIn,
  checkEndpoint,
  checkOperatingSystem,
  checkSubnetIsFree,
  resolversIn,
} from "./host.ts";
import { SandboxError } from "./spec.ts";

const status = (bounding: string) =>
  `Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t${bounding}\nCapAmb:\t0\n`;

it("what Docker may be asked for is what the host has", () => {
  const all = capabilitiesIn(status("000001ffffffffff"));
  expect(all).toContain("SYS_RESOURCE");
  const lacking = capabilitiesIn(status("000001fffeffffff"));
  expect(lacking).toEqual(all.filter((name) => name !== "SYS_RESOURCE"));
});

it("a node is not let near the host's clock, nor asked for what old Dockers do not know", () => {
  const all = capabilitiesIn(status("000001ffffffffff"));
  expect(all).not.toContain("SYS_TIME");
  expect(all.at(-1)).toBe("AUDIT_READ");
});

it("a host that lacks what systemd needs is refused by name", () => {
  expect(() => capabilitiesIn(status("00000000a80425fb"))).toThrow(/SYS_ADMIN, NET_ADMIN, SYS_PTRACE/);
});

it("name servers on a loopback address are passed over: a Pod could not reach them", () => {
  const file =
    "# made by hand\nnameserver 127.0.0.53\nnameserver ::1\nsearch example.org\nnameserver 192.0.2.53\n";
  expect(resolversIn(file)).toEqual(["192.0.2.53"]);
});

it("a Docker whose containers are not on this machine is refused", () => {
  for (const endpoint of ["tcp://192.0.2.1:2375", "ssh://root@192.0.2.1", "npipe:////./pipe/docker_engine"])
    expect(() => checkEndpoint(endpoint)).toThrow(SandboxError);
  expect(() => checkEndpoint("unix:///var/run/docker.sock")).not.toThrow();
  expect(() => checkOperatingSystem("Docker Desktop")).toThrow(/virtual machine/);
  expect(() => checkOperatingSystem("Debian GNU/Linux 12 (bookworm)")).not.toThrow();
});

const own = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

it.skipIf(own === undefined)("a subnet that this machine has an address in is refused", () => {
  expect(() => checkSubnetIsFree((own ?? "").replace(/\.\d+$/, ""))).toThrow(SandboxError);
  expect(() => checkSubnetIsFree("203.0.113")).not.toThrow();
});
