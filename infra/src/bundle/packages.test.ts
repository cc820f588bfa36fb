import { expect, it } from "vitest";

import { indexes, parseIndex, wanted } from "./packages.ts";

function entry(name: string, version: string, depends = "", architecture = "amd64"): string {
  return [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    ...(depends === "" ? [] : [`Depends: ${depends}`]),
    `Filename: ./${architecture}/${name}_${version}.deb`,
    `SHA256: ${"0".repeat(64)}`,
    "Description: one",
    " and more of it, Depends: nothing",
  ].join("\n");
}

const index = [
  entry(
    "kubeadm",
    "1.28.9-1.1",
    "kubelet (>= 1.19.0), kubectl (>= 1.19.0), kubernetes-cni (>= 1.2.0), cri-tools (>= 1.28.0)",
  ),
  entry("kubeadm", "1.28.10-1.1"),
  entry("kubelet", "1.28.9-1.1", "iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), mount"),
  entry("kubelet", "1.28.10-1.1"),
  entry("kubelet", "1.28.9-1.1", "", "arm64"),
  entry("kubectl", "1.28.9-1.1", "programs (= 1.0-1) | other"),
  entry("programs", "1.0-1"),
  entry("programs", "2.0-1"),
  entry("kubernetes-cni", "1.9.0-1.1"),
  entry("kubernetes-cni", "1.10.0-1.1"),
  entry("cri-tools", "1.28.0-1.1"),
].join("\n\n");

it("the version that is wanted, and what it needs of the same repository, as apt would choose", () => {
  const files = wanted(parseIndex(index, "amd64"), "1.28.9").map(({ file }) => file);
  expect(files.toSorted()).toEqual([
    "amd64/cri-tools_1.28.0-1.1.deb",
    "amd64/kubeadm_1.28.9-1.1.deb",
    "amd64/kubectl_1.28.9-1.1.deb",
    "amd64/kubelet_1.28.9-1.1.deb",
    "amd64/kubernetes-cni_1.10.0-1.1.deb",
    "amd64/programs_1.0-1.deb",
  ]);
});

it("a version that the repository does not have is refused by name", () => {
  expect(() => wanted(parseIndex(index, "amd64"), "1.28.1")).toThrow("no kubeadm 1.28.1");
  expect(() => wanted(parseIndex(index, "arm64"), "1.28.9")).toThrow("no kubeadm 1.28.9");
});

it("the forms of the index are those that the repository is signed with", () => {
  const [one, other] = ["1".repeat(64), "2".repeat(64)];
  const release = `Suite: deb\nMD5Sum:\n ${"3".repeat(32)} 2480 Packages\nSHA256:\n ${one} 2480 Packages\n ${other}  853 Packages.gz\n`;
  expect(indexes(release)).toEqual([
    ["Packages", one],
    ["Packages.gz", other],
  ]);
});
