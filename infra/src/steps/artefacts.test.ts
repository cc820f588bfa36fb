import { describe, expect, it } from "vitest";

import type { Inventory } from "../inventory/inventory.ts";
import { presets } from "../inventory/presets.ts";
import { artefact } from "./artefacts.ts";
import { credentials, kubernetesImage, ownHosts, packagesUrl, registries } from "./sources.ts";
import type { StepContext } from "./step.ts";
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

  describe("that ask for a password", () => {
    const given = { credentials: { user: "me", password: 'a"b' } };
    const context = async (own: Partial<Inventory["sources"]>) =>
      testContext([new FakeNode()], {
        ...given,
        inventory: testInventory({ sources: { ...presets.official, ...own } }),
      });

    it("are told it by curl and apt, each in its words", async () => {
      const mirrored = await context({ packages: "https://mirror.example:8443/k8s" });
      expect(credentials(mirrored, "https://mirror.example:8443/k8s/Release.key")).toEqual({
        CURL_CONFIG: String.raw`user = "me:a\"b"`,
        APT_AUTH: 'machine mirror.example:8443 login me password a"b',
      });
      const plain = await context({ packages: "http://mirror.example" });
      expect(credentials(plain, "http://mirror.example/")).toMatchObject({
        APT_AUTH: 'machine http://mirror.example login me password a"b',
      });
    });

    it.for([
      "https://github.com/opencontainers/runc",
      "https://pkgs.k8s.io/core:/stable:/v1.28/deb",
      "https://mirrors.aliyun.com/kubernetes-new",
      "https://elsewhere.example/runc",
      "https://mirror.example:8443/",
      "file:///var/lib/wharf-cluster/bundle/files",
    ])("are not %s, which the inventory does not name", async (url) => {
      expect(credentials(await context({ packages: "https://mirror.example" }), url)).toEqual({});
    });

    it("are every host that the inventory names, be it a prefix of GitHub's files", () => {
      const own = ownHosts({
        imageRepository: "registry.example:5000/google_containers",
        releases: "https://proxy.example/https://github.com",
        packages: "https://packages.example/kubernetes",
        registryMirrors: { "docker.io": "http://hub.example/v2/hub" },
      });
      expect([...own]).toEqual(["registry.example:5000", "proxy.example", "packages.example", "hub.example"]);
    });
  });
});

describe("where containerd asks", () => {
  const lines = async (
    own: Partial<Inventory["sources"]>,
    registry?: string,
    more: Partial<StepContext> = {},
  ) => {
    const { deploy } = testInventory();
    const inventory = testInventory({
      sources: { ...presets.official, ...own },
      deploy: registry === undefined ? deploy : { ...deploy, registry },
    });
    return registries(await testContext([new FakeNode()], { ...more, inventory })).split("\n");
  };
  const given = { credentials: { user: "me", password: "secret" } };

  it("mirrors are asked in a registry's place, and told who asks", async () => {
    const registryMirrors = { "docker.io": "https://hub.example", _default: "https://mirror.example" };
    expect(await lines({ registryMirrors })).toEqual([
      "docker.io https://hub.example",
      "_default https://mirror.example",
    ]);
    expect(await lines({ registryMirrors }, undefined, given)).toEqual([
      "docker.io https://hub.example authorized",
      "_default https://mirror.example authorized",
    ]);
  });

  it("the registry that our images are pushed to is asked itself, whatever mirror there is for others", async () => {
    const registryMirrors = { _default: "https://mirror.example" };
    const [, own] = await lines({ registryMirrors }, "registry.example:5000/wharf", given);
    expect(own).toBe("registry.example:5000 https://registry.example:5000");
    const [, hub] = await lines({ registryMirrors }, "docker.io/wharf");
    expect(hub).toBe("docker.io https://registry-1.docker.io");
  });

  it("a registry that is a mirror as well is asked as that", async () => {
    const registryMirrors = { _default: "http://mirror.example/v2/all", "ghcr.io": "http://other.example" };
    const asked = async (registry: string) => (await lines({ registryMirrors }, registry, given))[2];
    expect(await asked("mirror.example/wharf")).toBe("mirror.example http://mirror.example authorized");
    expect(await asked("other.example/wharf")).toBe("other.example http://other.example authorized");
    expect(await asked("ghcr.io/wharf")).toBeUndefined();
    expect(
      await lines({ registryMirrors: { _default: "http://mirror.example" } }, "mirror.example/wharf"),
    ).toEqual(["_default http://mirror.example"]);
  });

  it("a registry of one's own for Kubernetes' images is told who asks, and trusted, without being anyone's mirror", async () => {
    const own = { imageRepository: "registry.example/google_containers" };
    expect(await lines(own)).toEqual([""]);
    expect(await lines(own, undefined, given)).toEqual([
      "registry.example https://registry.example authorized",
    ]);
    expect(await lines(own, undefined, { ca: "PEM" })).toEqual(["registry.example https://registry.example"]);
    expect(await lines({}, undefined, { ...given, ca: "PEM" })).toEqual([""]);
  });
});
