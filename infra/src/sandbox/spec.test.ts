import { expect, it } from "vitest";

import { UsageError } from "../errors.ts";
import { checkName, checkSubnet, machinesOf } from "./spec.ts";

it("machines have the record's names, and addresses of the subnet", () => {
  const machines = machinesOf({ name: "trial", subnet: "10.1.2" });
  expect(machines.map(({ container, host, address }) => [container, host, address])).toEqual([
    ["trial-mirror", "mirror", "10.1.2.2"],
    ["trial-master", "k8s-master", "10.1.2.11"],
    ["trial-worker", "k8s-worker", "10.1.2.12"],
  ]);
});

it.for(["172.30.52", "10.0.0", "192.168.255"])("%s is a private network", (subnet) => {
  expect(checkSubnet(subnet)).toBe(subnet);
});

it.for(["172.32.1", "8.8.8", "10.0", "10.0.0.0", "10.0.256", "10.0.x", ""])(
  "the subnet %j is refused",
  (subnet) => {
    expect(() => checkSubnet(subnet)).toThrow(UsageError);
  },
);

it.for(["Trial", "-trial", "a".repeat(32), "a.b", ""])("the name %j is refused", (name) => {
  expect(() => checkName(name)).toThrow(UsageError);
});
