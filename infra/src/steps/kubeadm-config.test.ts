import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";

import type { Profile } from "../profiles/profile.ts";
import { initConfig, joinConfig } from "./kubeadm-config.ts";
import type { NodeFacts } from "./node-facts.ts";
import { testInventory, testProfile } from "./testing.ts";

const inventory = testInventory();
const [master, worker] = inventory.nodes;
const today: NodeFacts = { architecture: "amd64", cgroupVersion: 2, lowersOomScore: true };
const old: NodeFacts = { ...today, cgroupVersion: 1 };
const current: Profile = {
  ...testProfile,
  kubernetes: "1.37.2",
  kubeadmApi: "v1beta4",
  refusesCgroupV1: true,
};
const documents = (text: string) =>
  parseAllDocuments(text).map((one) => one.toJS() as Record<string, unknown>);

function init(profile: Profile, facts: Record<string, NodeFacts>) {
  if (master === undefined) throw new Error("no node");
  return documents(initConfig({ inventory, profile }, master, new Map(Object.entries(facts))));
}

describe("kubeadm's configuration", () => {
  it("has the cluster of the inventory and the profile", () => {
    const [node, cluster, ...rest] = init(testProfile, { "k8s-master": today });
    expect(node).toMatchObject({
      apiVersion: "kubeadm.k8s.io/v1beta3",
      kind: "InitConfiguration",
      localAPIEndpoint: { advertiseAddress: "192.0.2.11", bindPort: 6443 },
      nodeRegistration: {
        name: "k8s-master",
        kubeletExtraArgs: { "node-ip": "192.0.2.11", "hostname-override": "k8s-master" },
      },
    });
    expect(cluster).toEqual({
      apiVersion: "kubeadm.k8s.io/v1beta3",
      kind: "ClusterConfiguration",
      kubernetesVersion: "v1.28.9",
      imageRepository: "mirror.example/google_containers",
      networking: { podSubnet: "10.244.0.0/16", serviceSubnet: "10.96.0.0/12" },
    });
    expect(rest).toEqual([]);
  });

  it("has lists of arguments for v1beta4", () => {
    const [node] = init(current, { "k8s-master": today });
    expect(node).toMatchObject({
      apiVersion: "kubeadm.k8s.io/v1beta4",
      nodeRegistration: {
        kubeletExtraArgs: [
          { name: "node-ip", value: "192.0.2.11" },
          { name: "hostname-override", value: "k8s-master" },
        ],
      },
    });
  });

  it("lets kubelet run on cgroup version 1 if any node has it, and kubeadm where it is so", () => {
    const [node, , kubelet] = init(current, { "k8s-master": today, "k8s-worker": old });
    expect(kubelet).toEqual({
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      failCgroupV1: false,
    });
    expect(node?.["nodeRegistration"]).not.toHaveProperty("ignorePreflightErrors");
    expect(init(current, { "k8s-master": old })[0]).toMatchObject({
      nodeRegistration: { ignorePreflightErrors: ["SystemVerification"] },
    });
  });

  it("says nothing of cgroups where the release takes both, or the node has version 2", () => {
    expect(init(testProfile, { "k8s-master": old })).toHaveLength(2);
    expect(init(current, { "k8s-master": today })).toHaveLength(2);
  });

  it("for a node that joins leaves a place for the token", () => {
    if (worker === undefined) throw new Error("no node");
    const joining = { endpoint: "192.0.2.11:6443", caHash: "sha256:ab" };
    expect(documents(joinConfig(current, worker, old, joining))).toEqual([
      {
        apiVersion: "kubeadm.k8s.io/v1beta4",
        kind: "JoinConfiguration",
        discovery: {
          bootstrapToken: {
            apiServerEndpoint: "192.0.2.11:6443",
            token: "@TOKEN@",
            caCertHashes: ["sha256:ab"],
          },
        },
        nodeRegistration: {
          name: "k8s-worker",
          criSocket: "unix:///run/containerd/containerd.sock",
          kubeletExtraArgs: [
            { name: "node-ip", value: "192.0.2.12" },
            { name: "hostname-override", value: "k8s-worker" },
          ],
          ignorePreflightErrors: ["SystemVerification"],
        },
      },
    ]);
  });
});
