import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { expect, it } from "vitest";

import type { Inventory } from "../inventory/inventory.ts";
import { FakeNode } from "../node/fake-node.ts";
import { runProgram } from "../programs.ts";
import { artefact, releasePath } from "../steps/artefacts.ts";
import { testContext, testInventory, testProfile, testVerb } from "../steps/testing.ts";
import { bringFiles, importImages } from "./bring.ts";
import { gather } from "./gather.ts";
import type { BundleManifest } from "./manifest.ts";
import { openBundle, withBundle } from "./open.ts";
import { Origin, sha256 } from "./testing.ts";

const { signal } = new AbortController();
const really = { signal, isDryRun: false };
const PARTS = ["containerd", "runc", "cniPlugins", "crictl", "flannel", "metricsServer"] as const;
const KUBERNETES = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"];

/** Everything that the profile of tests is made of, a few bytes each. */
function fill(origin: Origin): Inventory {
  for (const part of PARTS) {
    const path = `/${releasePath(part, testProfile[part].version, "amd64")}`;
    const body =
      part === "flannel" ? "  image: ghcr.example/flannel:v1\n  - image: 'ghcr.example/flannel:v1'\n" : part;
    const name = path.slice(path.lastIndexOf("/") + 1);
    origin.file(`${path}.sha256sum`, `${origin.file(path, body)}  ${name}\n`);
  }
  const packages = ["kubeadm", "kubelet", "kubectl"].map((name) => {
    const sum = origin.file(`/core/stable/v1.28/deb/amd64/${name}.deb`, name);
    return `Package: ${name}\nVersion: 1.28.9-1.1\nArchitecture: amd64\nFilename: amd64/${name}.deb\nSHA256: ${sum}\n`;
  });
  const sum = origin.file("/core/stable/v1.28/deb/Packages", packages.join("\n"));
  origin.file("/core/stable/v1.28/deb/InRelease", `SHA256:\n ${sum} 1 Packages\n`);
  origin.file("/core/stable/v1.28/deb/Release.key", "key");
  for (const name of KUBERNETES) origin.image(`k8s/${name}`, "v1.28.9");
  origin.image("k8s/pause", testProfile.pause);
  origin.image("k8s/etcd", testProfile.etcd);
  origin.image("k8s/coredns", testProfile.coredns);
  origin.image("k8s/metrics-server", "v0.7.1");
  origin.image("flannel", "v1");
  const { url } = origin;
  return testInventory({
    sources: {
      imageRepository: "registry.example/k8s",
      releases: url,
      packages: url,
      registryMirrors: { _default: url },
    },
  });
}

const newOutput = () => join(mkdtempSync(join(tmpdir(), "wharf-bundle-")), "bundle.tar");

async function made(inventory: Inventory, isDryRun = false, output = newOutput()): Promise<string> {
  const { report } = testVerb([new FakeNode()]).verb;
  const web = { signal };
  await gather({ inventory, profile: testProfile, architecture: "amd64", web, report, output, isDryRun });
  return output;
}

it("a bundle holds what the profile needs, and a checksum of every file", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const output = await made(inventory);
  const { manifest, folder } = await openBundle(output, inventory, testProfile, really);
  expect(manifest.images).toHaveLength(9);
  expect(manifest.images).toContain("ghcr.example/flannel:v1");
  expect(manifest.parts.runc).toEqual({ version: "1.1.12", sha256: sha256("runc") });
  const kept = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(Object.keys(manifest.files)).toHaveLength(kept.length - 1);
  expect(readdirSync(join(output, ".."))).toEqual(["bundle.tar"]);
});

it("nodes then look for everything in the bundle, and take nothing else for it", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const bundle = await openBundle(await made(inventory), inventory, testProfile, really);
  const bundled = withBundle(inventory, bundle);
  for (const part of PARTS) {
    const { url, sha256: sum } = artefact(part, bundled, testProfile, "amd64");
    const file = url.replace("file:///var/lib/wharf-cluster/bundle/", "");
    expect(bundle.manifest.files[file]).toBe(sum);
  }
  expect(Object.keys(bundle.manifest.files)).toContain("files/core/stable/v1.28/deb/amd64/kubelet.deb");
});

it("another profile's bundle, and what is none, are each told before anything is done", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const output = await made(inventory);
  const other = { ...testProfile, name: "v1.37", kubernetes: "1.37.2" };
  await expect(openBundle(output, inventory, other, really)).rejects.toThrow("holds Kubernetes 1.28.9");
  truncateSync(output, 100);
  await expect(openBundle(output, inventory, testProfile, really)).rejects.toThrow("is no bundle");
  expect(existsSync(inventory.stateFolder)).toBe(false);
});

it("a damaged bundle is refused, and the whole one taken after it", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const output = await made(inventory);
  const damaged = `${output}.damaged`;
  const bytes = readFileSync(output);
  bytes.write("K", bytes.indexOf("key", bytes.lastIndexOf("Release.key") + "Release.key".length));
  writeFileSync(damaged, bytes);
  const open = (file: string) => openBundle(file, inventory, testProfile, really);
  await expect(open(damaged)).rejects.toThrow(/damaged:\nfiles.*Release\.key/);
  expect(readdirSync(inventory.stateFolder)).toEqual([]);
  const { folder } = await open(output);
  const file = join(folder, "files/core/stable/v1.28/deb/Release.key");
  expect(readFileSync(file, "utf8")).toBe("key");
  // A disk may damage what was whole.
  writeFileSync(file, "other");
  await open(output);
  expect(readFileSync(file, "utf8")).toBe("key");
  expect(readdirSync(inventory.stateFolder)).toEqual(["bundle"]);
});

it("a dry run reads what a bundle holds, and unpacks nothing", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const bundle = await openBundle(await made(inventory), inventory, testProfile, { signal, isDryRun: true });
  expect(bundle.manifest.images).toHaveLength(9);
  expect(existsSync(inventory.stateFolder)).toBe(false);
  const node = new FakeNode().on(/bundle there|images there/, "");
  const { report } = testVerb([node]).verb;
  const context = await testContext([node], { inventory, isDryRun: true });
  await bringFiles(bundle, [node], context, report);
  await importImages(bundle, [node], context, report);
  expect(node.ran.filter(({ fed }) => fed !== undefined)).toEqual([]);
});

it("an interrupted run is gone on with: what is whole is not asked for again, what is of no use not packed", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const output = newOutput();
  const last = "/v2/flannel/manifests/v1";
  const index = origin.served.get(last) ?? { type: "", body: Buffer.of() };
  origin.served.delete(last);
  await expect(made(inventory, false, output)).rejects.toThrow("is not there");
  origin.served.set(last, index);
  const strangers = ["files/runc.part", "files/old/runc", `images/blobs/sha256/${"0".repeat(64)}`];
  for (const path of strangers) {
    mkdirSync(join(`${output}.gathered`, path, ".."), { recursive: true });
    writeFileSync(join(`${output}.gathered`, path), "x");
  }
  origin.asked.length = 0;
  await made(inventory, false, output);
  const again = origin.asked.filter((path) => /\.deb$|Packages|\/blobs\/|runc\.amd64$/.test(path));
  expect(again.filter((path) => !path.includes("/flannel/"))).toEqual([]);
  const { manifest } = await openBundle(output, inventory, testProfile, really);
  expect(Object.keys(manifest.files).filter((path) => strangers.includes(path))).toEqual([]);
  expect(Object.keys(manifest.files)).toContain("files/core/stable/v1.28/deb/amd64/kubelet.deb");
});

it("a source that asks for a password says so", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  origin.authorization = "Basic secret";
  await expect(made(inventory)).rejects.toThrow("answers 401: it asks for a password");
});

it("files whose connection breaks are asked for again", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const runc = `/${releasePath("runc", "1.1.12", "amd64")}`;
  origin.breaking.add(runc);
  await openBundle(await made(inventory), inventory, testProfile, really);
  expect(origin.asked.filter((path) => path === runc)).toHaveLength(2);
});

it("a node that fails before it takes anything leaves no program waiting for it", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const bundle = await openBundle(await made(inventory), inventory, testProfile, really);
  const node = new FakeNode().on("bundle there", "");
  let fed: Readable | undefined;
  node.feed = (_command, bytes) => {
    fed = bytes;
    return Promise.reject(new Error("the connection is lost"));
  };
  const { report } = testVerb([node]).verb;
  const context = await testContext([node], { inventory });
  await expect(bringFiles(bundle, [node], context, report)).rejects.toThrow("the connection is lost");
  expect(fed?.destroyed).toBe(true);
});

it("a file with another checksum than is stated ends it, and is not kept", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  origin.file(`/${releasePath("runc", "1.1.12", "amd64")}`, "another runc");
  await expect(made(inventory)).rejects.toThrow(`and not ${sha256("runc")}`);
});

it("a dry run asks for no more than the list of images", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  await made(inventory, true);
  expect(origin.asked).toEqual([`/${releasePath("flannel", "0.25.1", "amd64")}`]);
});

it("a node that has the bundle's files and images is sent nothing; another gets both", async () => {
  await using origin = await Origin.start();
  const inventory = fill(origin);
  const bundle = await openBundle(await made(inventory), inventory, testProfile, really);
  const has = new FakeNode("k8s-master")
    .on("bundle there", "there\n")
    .on("images there", bundle.manifest.images.join("\n"));
  const lacks = new FakeNode("k8s-worker").on(/bundle|images/, "");
  const { report } = testVerb([has, lacks]).verb;
  const context = await testContext([has, lacks], { inventory });
  await bringFiles(bundle, [has, lacks], context, report);
  await importImages(bundle, [has, lacks], context, report);
  expect(has.ran.filter(({ fed }) => fed !== undefined)).toEqual([]);
  expect(lacks.ran.flatMap(({ fed, script }) => (fed === undefined ? [] : [script.split(" ")[0]]))).toEqual([
    "rm",
    "ctr",
  ]);
});

it("the archive begins with what it holds", async () => {
  await using origin = await Origin.start();
  const output = await made(fill(origin));
  const [first] = (await runProgram("tar", ["-tf", output])).split("\n");
  expect(first).toBe("bundle.json");
  const text = await runProgram("tar", ["-xOf", output, "bundle.json"]);
  expect((JSON.parse(text) as BundleManifest).format).toBe(1);
  expect(readFileSync(output).length).toBeGreaterThan(text.length);
});
