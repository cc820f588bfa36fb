import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { promisify } from "node:util";

import { describe, expect, test } from "vitest";
import { parse } from "yaml";

import { Kubectl } from "../kubernetes/kubectl.ts";
import { FakeNode } from "../node/fake-node.ts";
import { apply, differingObjects } from "./apply.ts";
import { carry, importCommand, lacking } from "./carry.ts";
import { canonical, type Image, imagesOfArchive, imagesOfRegistry } from "./images.ts";
import { parseRendered, podSecurityLevel, workloads } from "./objects.ts";
import { kustomization } from "./overlay.ts";
import { originOf, schedulable } from "./provide.ts";
import { waitForRollout } from "./rollout.ts";
import { postgresEnvironment } from "./secrets.ts";
import { findTroubles } from "./trouble.ts";

const signal = new AbortController().signal;
const spec = { overlay: "hostpath", components: ["autoscaling"], namespace: "wharf", allowNetworks: [] };
const images: readonly Image[] = [
  {
    service: "fileserver",
    source: "wharf/fileserver:dev",
    name: "wharf/fileserver",
    tag: "dev-0123456789ab",
  },
  {
    service: "downloader",
    source: "wharf/downloader:dev",
    name: "wharf/downloader",
    tag: "dev-ba9876543210",
  },
];

describe("the kustomization", () => {
  test("lays namespace, components and images over the overlay", () => {
    expect(parse(kustomization(spec, images))).toMatchObject({
      namespace: "wharf",
      resources: ["../overlays/hostpath"],
      components: ["../components/autoscaling"],
      images: [
        { name: "wharf/fileserver", newName: "wharf/fileserver", newTag: "dev-0123456789ab" },
        { name: "wharf/downloader", newName: "wharf/downloader", newTag: "dev-ba9876543210" },
      ],
    });
  });

  test("tells the services which networks they may fetch from", () => {
    const text = kustomization({ ...spec, allowNetworks: ["192.0.2.0/24", "198.51.100.7"] }, images);
    expect(parse(text)).toMatchObject({
      configMapGenerator: [{ behavior: "merge", literals: ["ALLOW_NETWORKS=192.0.2.0/24,198.51.100.7"] }],
    });
  });
});

const rendered = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: wharf, namespace: wharf}
spec: {template: {spec: {volumes: [{name: files, hostPath: {path: /home/data2}}]}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: wharf, namespace: wharf}
`;

describe("rendered objects", () => {
  test("are waited for where they run something", () => {
    expect(workloads(parseRendered(rendered))).toEqual(["deployment/wharf"]);
  });

  const cases: readonly (readonly [name: string, pod: string, level: string])[] = [
    ["a directory of the node", "volumes: [{name: files, hostPath: {path: /data}}]", "privileged"],
    ["an init step as root", "initContainers: [{name: owner, securityContext: {runAsUser: 0}}]", "baseline"],
    ["neither", "volumes: [{name: tmp, emptyDir: {}}]", "restricted"],
  ];
  test.for(cases)("with %s need a namespace that is %s", ([, pod, level]) => {
    const yaml = `kind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {${pod}}}}\n---\nkind: Pod\nmetadata: {name: b}\nspec: {${pod}}`;
    expect(podSecurityLevel(parseRendered(yaml))).toBe(level);
  });
});

describe("applying", () => {
  const application = (node: FakeNode, isDryRun = false) =>
    apply({
      controlPlane: node,
      kubectl: new Kubectl(node),
      namespace: "wharf",
      yaml: rendered,
      isDryRun,
      signal,
    });
  const diff =
    "diff -u -N /tmp/LIVE-1/apps.v1.Deployment.wharf.wharf /tmp/MERGED-2/apps.v1.Deployment.wharf.wharf\n+  image: x\n";
  const there = () =>
    new FakeNode()
      .on("get namespace", "namespace/wharf\n")
      .on("kubectl diff", diff)
      .on("get deployments ", JSON.stringify({ items: [{ spec: { replicas: 5 } }] }))
      .on(
        "get deployments.apps",
        JSON.stringify({ items: [{ kind: "Deployment", metadata: { name: "wharf" } }] }),
      )
      .on("kubectl apply", "");

  test("changes what differs, and hands the number of replicas over to the autoscaler first", async () => {
    const node = there();
    expect(await application(node)).toEqual(["Deployment wharf applied"]);
    const applied = node.ran.filter(({ script }) => script.includes("kubectl apply"));
    expect(applied).toHaveLength(2);
    expect(parse(applied[0]?.fed ?? "")).toMatchObject({ kind: "Deployment", spec: { replicas: 5 } });
    expect(applied[1]?.fed).toContain("pod-security.kubernetes.io/enforce: privileged");
  });

  test("leaves alone what is as it should be", async () => {
    const node = there().on("kubectl diff", "");
    expect(await application(node)).toEqual([]);
    expect(node.ran.some(({ script }) => script.includes("kubectl apply"))).toBe(false);
  });

  test("removes what an earlier deploy made and this one lacks", async () => {
    const items = [
      { kind: "Deployment", metadata: { name: "wharf" } },
      { kind: "StatefulSet", metadata: { name: "wharf" } },
    ];
    const node = there()
      .on("kubectl diff", "")
      .on("get deployments.apps", JSON.stringify({ items }))
      .on("kubectl delete", "");
    expect(await application(node)).toEqual(["StatefulSet wharf removed"]);
  });

  test("only says what it would do, when it is to", async () => {
    const node = new FakeNode().on("get namespace", "");
    expect(await application(node, true)).toEqual([
      "Deployment wharf applied",
      "HorizontalPodAutoscaler wharf applied",
    ]);
    expect(node.ran).toHaveLength(1);
  });

  test("reads the names of objects from what kubectl diff prints, whatever their group is called", () => {
    const lines = [
      "v1.ConfigMap.wharf.wharf-892gm66k2b",
      "networking.k8s.io.v1.NetworkPolicy.wharf.wharf",
      "v1.Namespace..wharf",
    ];
    expect(
      differingObjects(
        lines.map((file) => `diff -u -N /tmp/LIVE-1/${file} /tmp/MERGED-1/${file}`).join("\n"),
      ),
    ).toEqual(["ConfigMap wharf-892gm66k2b", "NetworkPolicy wharf", "Namespace wharf"]);
  });
});

describe("images", () => {
  test("are called in containerd what Docker calls them", () => {
    expect(canonical("wharf/fileserver:dev")).toBe("docker.io/wharf/fileserver:dev");
    expect(canonical("registry.example.org:5000/wharf/fileserver:dev")).toBe(
      "registry.example.org:5000/wharf/fileserver:dev",
    );
    expect(canonical("localhost/wharf/fileserver:dev")).toBe("localhost/wharf/fileserver:dev");
  });

  test("that a node has are not brought again", async () => {
    const node = new FakeNode().on("images ls", "docker.io/wharf/fileserver:dev-0123456789ab\n");
    expect((await lacking(node, images, signal)).map(({ service }) => service)).toEqual(["downloader"]);
  });

  test("are brought compressed, and get the names that they are deployed as", async () => {
    const node = new FakeNode().on("images import", "");
    const seen: Buffer[] = [];
    node.feed = async (_, bytes) => {
      for await (const chunk of bytes) seen.push(chunk as Buffer);
      return { stdout: "", stderr: "" };
    };
    const progress: string[] = [];
    const local = {
      images,
      bytes: 2e6,
      architecture: "amd64",
      open: () => Readable.from([Buffer.from("the "), Buffer.from("archive")]),
    };
    await carry(node, local, (line) => progress.push(line), signal);
    expect(gunzipSync(Buffer.concat(seen)).toString()).toBe("the archive");
    expect(progress.at(-1)).toBe("0 of about 2 MB");
    expect(importCommand(images)).toContain(
      "tag --force docker.io/wharf/fileserver:dev docker.io/wharf/fileserver:dev-0123456789ab",
    );
  });

  test("of an archive are found by its own list, and tagged with their content", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-archive-"));
    try {
      const config = `${"3f2a91c0b7de".padEnd(64, "0")}.json`;
      await writeFile(join(folder, config), JSON.stringify({ architecture: "arm64" }));
      const manifest = ["fileserver", "downloader"].map((name) => ({
        Config: config,
        RepoTags: [`wharf/${name}:1.2`],
      }));
      await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
      await promisify(execFile)("tar", ["-cf", "images.tar", "manifest.json", config], { cwd: folder });
      const found = await imagesOfArchive(join(folder, "images.tar"), signal);
      expect(found.images.map(({ name, tag }) => `${name}:${tag}`)).toEqual([
        "wharf/fileserver:1.2-3f2a91c0b7de",
        "wharf/downloader:1.2-3f2a91c0b7de",
      ]);
      expect(found.architecture).toBe("arm64");
      expect((await text(found.open())).length).toBe(found.bytes);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("of a registry keep their tag; without a registry there are none", () => {
    expect(imagesOfRegistry("1.2", "registry.example.org/wharf")[0]).toMatchObject({
      name: "registry.example.org/wharf/fileserver",
      tag: "1.2",
    });
    expect(() => imagesOfRegistry("1.2", undefined)).toThrow("deploy.registry");
  });

  test("come from one place", () => {
    expect(originOf({}, "/")).toEqual({ kind: "build", tag: "dev" });
    expect(originOf({ images: "docker", "image-tag": "1.2" }, "/")).toEqual({ kind: "docker", tag: "1.2" });
    expect(originOf({ archive: "x.tar" }, "/here")).toEqual({ kind: "archive", file: "/here/x.tar" });
    expect(() => originOf({ archive: "x.tar", images: "docker" }, "/")).toThrow("--archive");
    expect(() => originOf({ images: "podman" }, "/")).toThrow("build, docker or registry");
  });

  test("are for nodes that take Pods", () => {
    const node = (name: string, spec: object) => ({ metadata: { name }, spec, status: {} });
    const tainted = node("master", {
      taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }],
    });
    const found = schedulable({
      items: [tainted, node("worker", {}), node("cordoned", { unschedulable: true })],
    });
    expect(found.map(({ metadata }) => metadata.name)).toEqual(["worker"]);
  });
});

function pod(state: object, more: object = {}) {
  const containerStatuses = [
    { name: "fileserver", ready: false, restartCount: 0, image: "wharf/fileserver:dev-1", state, ...more },
  ];
  return {
    metadata: { name: "wharf-1" },
    spec: { nodeName: "k8s-worker" },
    status: { phase: "Pending", containerStatuses },
  };
}

describe("a Pod that does not become ready", () => {
  const cases: readonly (readonly [
    name: string,
    pod: ReturnType<typeof pod>,
    cause: RegExp,
    isHopeless: boolean,
  ])[] = [
    [
      "for want of its image",
      pod({ waiting: { reason: "ImagePullBackOff", message: "not found" } }),
      /^k8s-worker lacks the image wharf\/fileserver:dev-1/,
      true,
    ],
    [
      "for its configuration",
      pod({ waiting: { reason: "CreateContainerConfigError", message: 'secret "x" not found' } }),
      /secret "x" not found/,
      true,
    ],
    [
      "since it ends again and again",
      pod(
        { waiting: { reason: "CrashLoopBackOff" } },
        { restartCount: 2, lastState: { terminated: { exitCode: 1 } } },
      ),
      /^It ends with status 1/,
      true,
    ],
    [
      "after its first end",
      pod(
        { waiting: { reason: "CrashLoopBackOff" } },
        { restartCount: 1, lastState: { terminated: { exitCode: 1 } } },
      ),
      /^It ends with status 1/,
      false,
    ],
    [
      "for want of memory",
      pod(
        { waiting: { reason: "CrashLoopBackOff" } },
        { restartCount: 3, lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } } },
      ),
      /more memory than its limit/,
      true,
    ],
  ];
  test.for(cases)("%s", ([, found, cause, isHopeless]) => {
    const [trouble, ...more] = findTroubles([found]);
    expect(more).toEqual([]);
    expect(trouble?.cause).toMatch(cause);
    expect(trouble?.isHopeless).toBe(isHopeless);
  });

  test("for want of a node", () => {
    const conditions = [
      { type: "PodScheduled", status: "False", message: "0/2 nodes are available: 2 Insufficient cpu." },
    ] as const;
    const [trouble] = findTroubles([{ metadata: { name: "wharf-1" }, spec: {}, status: { conditions } }]);
    expect(trouble?.cause).toBe("No node takes it: 0/2 nodes are available: 2 Insufficient cpu.");
  });

  test("but merely starts is no trouble", () => {
    expect(findTroubles([pod({ waiting: { reason: "ContainerCreating" } }), pod({ running: {} })])).toEqual(
      [],
    );
  });

  test("ends the wait with the cause, the events and the last lines", async () => {
    const looping = pod(
      { waiting: { reason: "CrashLoopBackOff" } },
      { restartCount: 2, lastState: { terminated: { exitCode: 1 } } },
    );
    const event = {
      type: "Warning",
      reason: "BackOff",
      message: "Back-off restarting",
      involvedObject: { kind: "Pod", name: "wharf-1" },
    };
    const node = new FakeNode()
      .on("rollout status", { status: 1, stderr: "error: timed out waiting for the condition" })
      .on("get pods", JSON.stringify({ items: [looping] }))
      .on("get events", JSON.stringify({ items: [event] }))
      .on("kubectl logs", "fileserver: The configuration is wrong\n");
    const rollout = {
      kubectl: new Kubectl(node),
      namespace: "wharf",
      workloads: ["deployment/wharf"],
      timeoutMs: 60_000,
      signal,
    };
    await expect(waitForRollout(rollout, () => {})).rejects.toMatchObject({
      code: "ROLLOUT_FAILED",
      hint: `Pod wharf-1, fileserver: CrashLoopBackOff. It ends with status 1: its last lines say why.
  event BackOff: Back-off restarting
  log   fileserver: The configuration is wrong`,
    });
  });
});

describe("Postgres' password", () => {
  async function inFolder(body: (folder: string) => Promise<void>) {
    const folder = await mkdtemp(join(tmpdir(), "wharf-state-"));
    await body(folder).finally(() => rm(folder, { recursive: true }));
  }
  const ask = (folder: string, node: FakeNode, isDryRun = false) =>
    postgresEnvironment({
      stateFolder: join(folder, "state"),
      kubectl: new Kubectl(node),
      namespace: "wharf",
      isDryRun,
      signal,
    });
  const none = () => new FakeNode().on("get secrets", JSON.stringify({ items: [] }));

  test("is made once, for nobody else to read", () =>
    inFolder(async (folder) => {
      const made = await ask(folder, none());
      expect(made.text).toMatch(/^POSTGRES_PASSWORD=[0-9a-f]{48}\n$/);
      const { stat } = await import("node:fs/promises");
      expect((await stat(made.file)).mode & 0o777).toBe(0o600);
      expect(await ask(folder, none())).toEqual({ ...made, isNew: false });
    }));

  test("is the one that the cluster has, when the file was lost", () =>
    inFolder(async (folder) => {
      const secret = (password: string, creationTimestamp: string) => ({
        metadata: { creationTimestamp },
        data: { POSTGRES_PASSWORD: Buffer.from(password).toString("base64") },
      });
      const items = [secret("old", "2026-01-01T00:00:00Z"), secret("new", "2026-02-01T00:00:00Z")];
      const node = new FakeNode().on("get secrets", JSON.stringify({ items }));
      expect((await ask(folder, node)).text).toBe("POSTGRES_PASSWORD=new\n");
      expect(node.ran[0]?.options.hasSecretOutput).toBe(true);
    }));

  test("is not written down in a dry run", () =>
    inFolder(async (folder) => {
      await ask(folder, none(), true);
      const { readdir } = await import("node:fs/promises");
      expect(await readdir(folder)).toEqual([]);
    }));
});
