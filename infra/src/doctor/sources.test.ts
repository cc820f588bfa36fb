import { expect, test } from "vitest";

import { smokeSource } from "../deploy/source.ts";
import { presets } from "../inventory/presets.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { profiles } from "../profiles/profiles.ts";
import type { Profile } from "../profiles/profile.ts";
import { FakeNode } from "../node/fake-node.ts";
import { testInventory } from "../steps/testing.ts";
import { examine } from "./examine.ts";
import { sourcesOf, sourceUrls } from "./sources.ts";

const inventory = { sources: presets.official, parts: {}, deploy: {} } as unknown as Inventory;
const profile = (name: string) => profiles.get(name) as Profile;

test("a node asks for every part of the release, the packages and the registries", () => {
  expect(sourceUrls(inventory, profile("v1.37"), "arm64")).toEqual([
    "https://github.com/containerd/containerd/releases/download/v2.3.7/containerd-2.3.7-linux-arm64.tar.gz",
    "https://github.com/opencontainers/runc/releases/download/v1.4.3/runc.arm64",
    "https://github.com/containernetworking/plugins/releases/download/v1.9.1/cni-plugins-linux-arm64-v1.9.1.tgz",
    "https://github.com/kubernetes-sigs/cri-tools/releases/download/v1.36.0/crictl-v1.36.0-linux-arm64.tar.gz",
    "https://github.com/flannel-io/flannel/releases/download/v0.28.4/kube-flannel.yml",
    "https://github.com/kubernetes-sigs/metrics-server/releases/download/v0.9.0/components.yaml",
    "https://pkgs.k8s.io/core:/stable:/v1.37/deb/Release.key",
    "https://registry.k8s.io/v2/",
    "https://ghcr.io/v2/",
  ]);
});

test("a mirror is asked in a registry's place, once", () => {
  const mirrored = {
    ...inventory,
    sources: { ...presets.aliyun, registryMirrors: { _default: "http://mirror:5000" } },
  };
  const urls = sourceUrls(mirrored, profile("v1.28"), "amd64");
  expect(urls.slice(-2)).toEqual([
    "https://mirrors.aliyun.com/kubernetes-new/core/stable/v1.28/deb/Release.key",
    "http://mirror:5000/v2/",
  ]);
  expect(sourceUrls(inventory, profile("v1.28"), "amd64").at(-1)).toBe("https://registry-1.docker.io/v2/");
});

test("a node tells its password only to hosts that the inventory names", async () => {
  const worker = { name: "k8s-worker", address: "192.0.2.12", role: "worker", ssh: {} } as const;
  const mirrored = testInventory({
    nodes: [worker],
    sources: {
      ...presets.official,
      packages: "https://mirror.example",
      credentials: { user: "me", passwordVariable: "P" },
    },
  });
  const asked = new FakeNode(worker.name).on("clock", "0\n").on(/machine|taken|reach/, "");
  const { signal } = new AbortController();
  const sources = await sourcesOf(mirrored, profile("v1.28"), { P: "secret" });
  await examine(asked, mirrored, sources, signal);
  const options = asked.ran.find((ran) => ran.options.step === "reach.sh")?.options;
  expect(options?.variables?.["OWN_URLS"]).toBe("https://mirror.example/core/stable/v1.28/deb/Release.key");
  expect(options?.variables?.["URLS"]).toContain("https://github.com/");
  expect(options?.secrets).toEqual({ CURL_CONFIG: 'user = "me:secret"' });
});

test.each([
  ["0.25.1", "https://registry-1.docker.io/v2/"],
  ["0.26.3", "https://registry-1.docker.io/v2/"],
  ["0.26.4", "https://ghcr.io/v2/"],
  ["0.26.10", "https://ghcr.io/v2/"],
  ["1.0.0", "https://ghcr.io/v2/"],
])("flannel %s comes from %s", (version, url) => {
  const other = { ...inventory, parts: { flannel: { version } } };
  expect(sourceUrls(other, profile("v1.37"), "amd64").at(-1)).toBe(url);
});

test("what is fetched to try the downloader is a small file of the release, unless the inventory says otherwise", () => {
  const url =
    "https://github.com/containerd/containerd/releases/download/v2.3.7/containerd-2.3.7-linux-amd64.tar.gz.sha256sum";
  const saying = (smokeUrl: string) => ({ ...inventory, deploy: { ...inventory.deploy, smokeUrl } });
  expect(smokeSource(inventory, profile("v1.37"))).toBe(url);
  expect(smokeSource(saying("https://example.org/"), profile("v1.37"))).toBe("https://example.org/");
  expect(smokeSource(saying("none"), profile("v1.37"))).toBeUndefined();
  const asked = {
    ...inventory,
    sources: { ...presets.official, credentials: { user: "me", passwordVariable: "P" } },
  };
  expect(smokeSource(asked, profile("v1.37"))).toBeUndefined();
});
