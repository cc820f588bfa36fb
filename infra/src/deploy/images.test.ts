import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";

import { afterEach, describe, expect, test, vi } from "vitest";

import { schedulable } from "../kubernetes/nodes.ts";
import type { KubernetesNode } from "../kubernetes/objects.ts";
import { FakeNode } from "../node/fake-node.ts";
import { carry, importCommand, lacking, pin } from "./carry.ts";
import type { DeployError } from "./errors.ts";
import { canonical, imagesOfArchive, imagesOfDocker, imagesOfRegistry } from "./images.ts";
import { checkArchitecture, originOf, passedOver } from "./provide.ts";
import { images } from "./testing.ts";

const signal = new AbortController().signal;

const config = { Env: ["PATH=/bin"], User: "65532", Labels: { b: "2", a: "1" }, Cmd: ["main.js"] };

/** Puts a program of this text in Docker's place. */
async function withDocker(script: string, body: () => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-docker-"));
  try {
    await writeFile(join(folder, "docker"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}:${process.env["PATH"]}`);
    await body();
  } finally {
    await rm(folder, { recursive: true });
  }
}

afterEach(() => void vi.unstubAllEnvs());

/** What `docker image inspect` says of an image with one layer. */
const inspected = (id: string, more: object = {}) => ({
  Id: `sha256:${id}`,
  Architecture: "amd64",
  RootFS: { Type: "layers", Layers: ["sha256:1"] },
  Config: { ...config, Hostname: "", Entrypoint: null, ...more },
});
const docker = (there: readonly object[], save = "exit 1") =>
  `case $1 in image) echo '${JSON.stringify(there)}' ;; save) ${save} ;; esac`;

describe("images", () => {
  test("are called in containerd what Docker calls them", () => {
    expect(canonical("wharf/fileserver:dev")).toBe("docker.io/wharf/fileserver:dev");
    expect(canonical("registry.example.org:5000/wharf/fileserver:dev")).toBe(
      "registry.example.org:5000/wharf/fileserver:dev",
    );
    expect(canonical("localhost/wharf/fileserver:dev")).toBe("localhost/wharf/fileserver:dev");
  });

  test("that a node has are not brought again", async () => {
    const node = new FakeNode().on("images ls", "wharf.internal/fileserver:dev-0123456789ab\n");
    expect((await lacking(node, images, signal)).map(({ service }) => service)).toEqual(["downloader"]);
  });

  test("are brought compressed, and get the names that they are deployed as", async () => {
    const node = new FakeNode();
    const seen: Buffer[] = [];
    node.feed = async (_, bytes) => {
      for await (const chunk of bytes) seen.push(chunk as Buffer);
      return { stdout: "", stderr: "" };
    };
    const archive = [Buffer.alloc(25_000_000, "a"), Buffer.from("the end")];
    const told: string[] = [];
    const local = { images, bytes: 25_000_007, architecture: "amd64", open: () => Readable.from(archive) };
    await carry(node, local, (line) => told.push(line), signal);
    expect(gunzipSync(Buffer.concat(seen)).equals(Buffer.concat(archive))).toBe(true);
    expect(told).toEqual(["25 of 25 MB"]);
    expect(importCommand(images)).toContain(
      "tag --force docker.io/wharf/fileserver:dev wharf.internal/fileserver:dev-0123456789ab",
    );
  });

  test("of an archive are found by its own list, and tagged with their content as Docker's are", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wharf-archive-"));
    try {
      const configuration = {
        architecture: "arm64",
        created: "2026-01-01T00:00:00Z",
        rootfs: { type: "layers", diff_ids: ["sha256:1"] },
        config: { ...config, Labels: { a: "1", b: "2" } },
      };
      await writeFile(join(folder, "one.json"), JSON.stringify(configuration));
      const manifest = ["fileserver", "downloader"].map((name) => ({
        Config: "one.json",
        RepoTags: [`wharf/${name}:1.2`],
      }));
      await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
      await promisify(execFile)("tar", ["-cf", "images.tar", "manifest.json", "one.json"], { cwd: folder });
      const found = await imagesOfArchive(join(folder, "images.tar"), signal);
      await withDocker(docker([inspected("a"), inspected("b")]), async () => {
        const { images: same } = await imagesOfDocker("1.2", undefined, signal);
        expect(same).toEqual(found.images);
      });
      expect(found.images.map(({ name, tag }) => `${name}:${tag}`)).toEqual([
        expect.stringMatching(/^wharf\.internal\/fileserver:1\.2-[0-9a-f]{12}$/),
        expect.stringMatching(/^wharf\.internal\/downloader:1\.2-[0-9a-f]{12}$/),
      ]);
      expect(found.architecture).toBe("arm64");
      expect((await text(found.open())).length).toBe(found.bytes);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("are tagged by what they hold, and not by an id that each build has anew", async () => {
    const changed = [inspected("a"), inspected("b", { User: "0" })];
    const tagsOf = async (found: readonly object[]) => {
      let tags: readonly string[] = [];
      await withDocker(docker(found), async () => {
        tags = (await imagesOfDocker("dev", undefined, signal)).images.map(({ tag }) => tag);
      });
      return tags;
    };
    const [one, other] = await tagsOf(changed);
    expect(await tagsOf([inspected("c"), inspected("d")])).toEqual([one, one]);
    expect(other).not.toBe(one);
  });

  test("are pushed and pulled under the names that pnpm images gives them", async () => {
    await withDocker(docker([inspected("a"), inspected("b")]), async () => {
      const found = await imagesOfDocker("1.2", "registry.example.org/team", signal);
      expect(found.images[0]?.name).toBe("registry.example.org/team/wharf/fileserver");
    });
  });

  test("that Docker gives in part only are not taken for whole", async () => {
    const cut = docker([inspected("a"), inspected("b")], "echo part; echo no space left >&2; exit 3");
    await withDocker(cut, async () => {
      const found = await imagesOfDocker("dev", undefined, signal);
      await expect(text(found.open())).rejects.toThrow("docker save ended with status 3: no space left");
      const node = new FakeNode();
      node.feed = async (command, bytes, options) => {
        await text(bytes).catch(() => "");
        return await FakeNode.prototype.feed.call(node, command, Readable.from([]), options);
      };
      node.on("images import", { status: 1, stderr: "unexpected EOF" });
      const local = { images, architecture: "amd64", open: () => found.open() };
      await expect(carry(node, local, () => {}, signal)).rejects.toThrow("docker save ended with status 3");
    });
  });

  test("that no node reads any more are not waited for", async () => {
    // More than a pipe holds.
    const endless = docker([inspected("a"), inspected("b")], "exec cat /dev/zero");
    await withDocker(endless, async () => {
      const found = await imagesOfDocker("dev", undefined, signal);
      const archive = found.open();
      const node = new FakeNode();
      node.feed = () => Promise.reject(new Error("unreachable"));
      const local = { images, architecture: "amd64", open: () => archive };
      await expect(carry(node, local, () => {}, signal)).rejects.toThrow("unreachable");
      await expect.poll(() => archive.destroyed).toBe(true);
    });
  });

  test("are kept from kubelet as long as they are deployed, and no longer", async () => {
    const there = ["wharf.internal/fileserver:old", "wharf.internal/fileserver:new", "docker.io/wharf/x:1"];
    const folder = await mkdtemp(join(tmpdir(), "wharf-ctr-"));
    const program = `#!/bin/sh\ncase $* in *"ls -q") printf '%s\\n' ${there.join(" ")} ;; *) echo "$5 $6" >> ${folder}/labels ;; esac\n`;
    await writeFile(join(folder, "ctr"), program, { mode: 0o755 });
    const node = new FakeNode();
    node.run = async (script, options) =>
      await promisify(execFile)("sh", ["-euc", script], {
        env: { ...options?.variables, PATH: `${folder}:${process.env["PATH"]}` },
      });
    try {
      const [image] = images;
      await pin(node, image === undefined ? [] : [{ ...image, tag: "new" }], signal);
      expect((await readFile(join(folder, "labels"), "utf8")).trimEnd().split("\n")).toEqual([
        "wharf.internal/fileserver:old io.cri-containerd.pinned=",
        "wharf.internal/fileserver:new io.cri-containerd.pinned=pinned",
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("of a registry keep their tag; without a registry there are none", () => {
    expect(imagesOfRegistry("1.2", "registry.example.org/team")[0]).toMatchObject({
      name: "registry.example.org/team/wharf/fileserver",
      tag: "1.2",
    });
    expect(() => imagesOfRegistry("1.2", undefined)).toThrow("deploy.registry");
  });

  test("come from one place", () => {
    expect(originOf({}, "/")).toEqual({ kind: "build", tag: "dev", nodeImage: undefined });
    expect(originOf({ images: "docker", "image-tag": "1.2" }, "/")).toEqual({ kind: "docker", tag: "1.2" });
    expect(originOf({ archive: "x.tar" }, "/here")).toEqual({ kind: "archive", file: "/here/x.tar" });
    expect(() => originOf({ archive: "x.tar", images: "docker" }, "/")).toThrow("--archive");
    expect(() => originOf({ images: "podman" }, "/")).toThrow("build, docker or registry");
  });

  describe("are for nodes", () => {
    const node = (name: string, about: object, ready: "True" | "False" = "True") => ({
      metadata: { name },
      spec: about,
      status: {
        conditions: [{ type: "Ready", status: ready }],
        nodeInfo: { kubeletVersion: "", containerRuntimeVersion: "", architecture: "amd64" },
      },
    });
    const taints = [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }];
    const items = [
      node("master", { taints }),
      node("worker", {}),
      node("full", { taints: [{ key: "node.kubernetes.io/disk-pressure", effect: "NoSchedule" }] }),
      node("cordoned", { unschedulable: true }),
      node("stopped", {}, "False"),
    ];

    test("that take Pods", () => {
      expect(schedulable({ items }).map(({ metadata }) => metadata.name)).toEqual(["worker", "full"]);
    });

    test("and each one that goes without is named", () => {
      const inInventory = new Set(["master", "worker", "cordoned", "stopped", "new"]);
      expect(passedOver({ items }, inInventory)).toEqual([
        "cordoned is cordoned, and gets no images: deploy again when that has changed.",
        "stopped is not Ready, and gets no images: deploy again when that has changed.",
        "new has not joined the cluster, and gets no images: deploy again when that has changed.",
        "full is not in the inventory, and gets no images: Pods that are put on it will not start.",
      ]);
    });

    test("of their architecture, and of several take a registry", () => {
      const [worker = node("worker", {})] = items;
      const other = { ...worker, status: { nodeInfo: { ...worker.status.nodeInfo, architecture: "arm64" } } };
      const hintFor = (workers: readonly object[]) => {
        try {
          checkArchitecture({ architecture: "arm64" }, workers as KubernetesNode[]);
        } catch (error) {
          return (error as DeployError).hint;
        }
        return undefined;
      };
      expect(hintFor([other])).toBeUndefined();
      expect(hintFor([worker])).toContain("Leave --images and --archive out");
      expect(hintFor([worker, other])).toContain("--images registry");
    });
  });
});
