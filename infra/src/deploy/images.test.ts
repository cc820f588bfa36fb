import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { schedulable } from "../kubernetes/nodes.ts";
import { FakeNode } from "../node/fake-node.ts";
import { carry, importCommand, lacking } from "./carry.ts";
import { canonical, imagesOfArchive, imagesOfRegistry } from "./images.ts";
import { originOf } from "./provide.ts";
import { images } from "./testing.ts";

const signal = new AbortController().signal;

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
    expect(originOf({}, "/")).toEqual({ kind: "build", tag: "dev", nodeImage: undefined });
    expect(originOf({ images: "docker", "image-tag": "1.2" }, "/")).toEqual({ kind: "docker", tag: "1.2" });
    expect(originOf({ archive: "x.tar" }, "/here")).toEqual({ kind: "archive", file: "/here/x.tar" });
    expect(() => originOf({ archive: "x.tar", images: "docker" }, "/")).toThrow("--archive");
    expect(() => originOf({ images: "podman" }, "/")).toThrow("build, docker or registry");
  });

  test("are for nodes that take Pods", () => {
    const node = (name: string, about: object, ready: "True" | "False" = "True") => ({
      metadata: { name },
      spec: about,
      status: { conditions: [{ type: "Ready", status: ready }] },
    });
    const taints = [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }];
    const items = [
      node("master", { taints }),
      node("worker", {}),
      node("full", { taints: [{ key: "node.kubernetes.io/disk-pressure", effect: "NoSchedule" }] }),
      node("cordoned", { unschedulable: true }),
      node("stopped", {}, "False"),
    ];
    expect(schedulable({ items }).map(({ metadata }) => metadata.name)).toEqual(["worker", "full"]);
  });
});
