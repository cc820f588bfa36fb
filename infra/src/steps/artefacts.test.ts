import { describe, expect, it } from "vitest";

import type { Inventory } from "../inventory/inventory.ts";
import { artefact } from "./artefacts.ts";
import { credentials, kubernetesImage, packagesUrl } from "./sources.ts";
import { testContext, testInventory, testProfile } from "./testing.ts";
import { FakeNode } from "../node/fake-node.ts";

const { sources } = testInventory();
const official = (changes: Partial<Inventory> = {}) =>
  testInventory({ sources: { ...sources, releases: "https://github.com" }, ...changes });

describe("where a release's files are", () => {
  it.for([
    ["containerd", "containerd/containerd/releases/download/v1.7.16/containerd-1.7.16-linux-arm64.tar.gz"],
    ["runc", "opencontainers/runc/releases/download/v1.1.12/runc.arm64"],
    ["cniPlugins", "containernetworking/plugins/releases/download/v1.4.1/cni-plugins-linux-arm64-v1.4.1.tgz"],
    ["crictl", "kubernetes-sigs/cri-tools/releases/download/v1.28.0/crictl-v1.28.0-linux-arm64.tar.gz"],
    ["flannel", "flannel-io/flannel/releases/download/v0.25.1/kube-flannel.yml"],
    ["metricsServer", "kubernetes-sigs/metrics-server/releases/download/v0.7.1/components.yaml"],
  ] as const)("%s", ([part, path]) => {
    expect(artefact(part, official(), testProfile, "arm64").url).toBe(`https://github.com/${path}`);
  });

  it("their checksums are beside them, under their makers' names or a mirror's", () => {
    const { checksumUrls } = artefact("runc", official(), testProfile, "amd64");
    const folder = "https://github.com/opencontainers/runc/releases/download/v1.1.12";
    expect(checksumUrls).toEqual([`${folder}/runc.amd64.sha256sum`, `${folder}/runc.sha256sum`]);
  });

  it("manifests have none", () => {
    expect(artefact("flannel", official(), testProfile, "amd64").checksumUrls).toEqual([]);
  });

  it("a profile's checksum is of its own version alone", () => {
    const profile = { ...testProfile, runc: { version: "1.1.12", sha256: { amd64: "a" } } };
    const sha256 = (parts: Inventory["parts"]) =>
      artefact("runc", official({ parts }), profile, "amd64").sha256;
    expect(sha256({})).toBe("a");
    expect(sha256({ runc: { sha256: "b" } })).toBe("b");
    expect(sha256({ runc: { version: "1.1.13" } })).toBeUndefined();
    expect(sha256({ runc: { url: "http://192.0.2.2/runc" } })).toBeUndefined();
    expect(artefact("runc", official(), profile, "arm64").sha256).toBeUndefined();
  });
});

describe("sources", () => {
  it("Kubernetes' own registry has folders that its mirrors do not", () => {
    const image = (imageRepository: string) =>
      kubernetesImage({ ...sources, imageRepository }, "metrics-server", "v0.7.1", "metrics-server/");
    expect(image("registry.k8s.io")).toBe("registry.k8s.io/metrics-server/metrics-server:v0.7.1");
    expect(image("mirror:5000/google_containers")).toBe(
      "mirror:5000/google_containers/metrics-server:v0.7.1",
    );
  });

  it("the official apt repository has colons where mirrors have folders", () => {
    const url = (packages: string) => packagesUrl({ ...sources, packages }, testProfile);
    expect(url("https://pkgs.k8s.io")).toBe("https://pkgs.k8s.io/core:/stable:/v1.28/deb");
    expect(url("https://mirror.example/k8s")).toBe("https://mirror.example/k8s/core/stable/v1.28/deb");
  });

  it("credentials are said to curl, apt and containerd, each in its words", async () => {
    const context = await testContext([new FakeNode()], { credentials: { user: "me", password: 'a"b' } });
    expect(credentials(context)).toEqual({
      CURL_CONFIG: String.raw`user = "me:a\"b"`,
      APT_AUTH: 'machine mirror.example login me password a"b',
      AUTHORIZATION: `Basic ${Buffer.from('me:a"b').toString("base64")}`,
    });
    expect(credentials(await testContext([new FakeNode()]))).toEqual({});
  });
});
