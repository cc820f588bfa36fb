import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Report, Task } from "../cli/report.ts";
import { type Inventory, type PartName, partNames } from "../inventory/inventory.ts";
import { type Architecture, type Profile, seriesOf } from "../profiles/profile.ts";
import { runProgram } from "../programs.ts";
import { artefact, releasePath } from "../steps/artefacts.ts";
import { kubernetesImage, packagesUrl } from "../steps/sources.ts";
import { BundleError } from "./errors.ts";
import { type BundleManifest, filesBelow, sumsOf } from "./manifest.ts";
import { indexes, parseIndex, wanted } from "./packages.ts";
import { type Descriptor, RegistryClient } from "./registry.ts";
import { download, readText, type Web } from "./web.ts";

/** What is gathered, and where it goes. */
export interface Gathering {
  readonly inventory: Inventory;
  readonly profile: Profile;
  readonly architecture: Architecture;
  readonly web: Web;
  readonly report: Report;
  /** The archive, absolute. What is gathered waits in a folder beside it, so that a run that was ended can be taken up. */
  readonly output: string;
  /** Only say what would be gathered; what images flannel needs is looked up all the same. */
  readonly isDryRun: boolean;
}

/** Where a file of the archive is, by its path in it. What nothing asked for is not packed. */
type Place = (path: string) => string;

/**
 * Gathers everything that nodes of a profile need, from the inventory's sources, into one archive.
 *
 * @throws {BundleError} when something is not there, or not what it should be
 */
export async function gather(gathering: Gathering): Promise<void> {
  const { report, output, isDryRun } = gathering;
  const folder = `${output}.gathered`;
  const kept = new Set<string>();
  const place: Place = (path) => {
    const file = join(folder, path);
    kept.add(file);
    return file;
  };
  const parts = new Map<PartName, { version: string; sha256: string }>();
  if (!isDryRun) await mkdir(folder, { recursive: true });
  await report.run(
    "Release files",
    partNames.map((part) => partTask(gathering, place, part, parts)),
  );
  await report.run("Packages", [packagesTask(gathering, place)]);
  const images = await imagesOf(gathering);
  const index: { image: string; descriptor: Descriptor }[] = [];
  await report.run(
    "Images",
    images.map((image) => imageTask(gathering, place, image, index)),
  );
  if (isDryRun) return;
  await report.run("Archive", [
    {
      title: output,
      run: async () => {
        await writeLayout(place, index);
        // Of another version, or left half-done by an interruption.
        for (const file of await filesBelow(folder)) if (!kept.has(file)) await rm(file);
        await archive(gathering, folder, parts, images);
        return [`written: ${images.length} images, ${parts.size} release files, the apt packages`];
      },
    },
  ]);
}

function partTask(
  { inventory, profile, architecture, web, isDryRun }: Gathering,
  place: Place,
  part: PartName,
  parts: Map<PartName, { version: string; sha256: string }>,
): Task {
  const { version, url, sha256, checksumUrls } = artefact(part, inventory, profile, architecture);
  return {
    title: `${part} ${version}`,
    run: async () => {
      if (isDryRun) return [url];
      const file = place(`files/${releasePath(part, version, architecture)}`);
      const expected = sha256 ?? (await statedChecksum(web, url, checksumUrls));
      const sum = await download(web, url, file, expected);
      parts.set(part, { version, sha256: sum });
      return [url];
    },
  };
}

/** As the nodes look for it: a bare checksum, or a list with names. */
async function statedChecksum(web: Web, url: string, lists: readonly string[]): Promise<string | undefined> {
  if (lists.length === 0) return undefined;
  const name = url.slice(url.lastIndexOf("/") + 1);
  for (const list of lists) {
    const lines = ((await readText(web, list)) ?? "").split("\n").map((line) => line.trim().split(/\s+\*?/));
    const [sum] = lines.find((words) => words.length === 1 || words[1] === name) ?? [];
    if (sum !== undefined && /^[0-9a-f]{64}$/i.test(sum)) return sum.toLowerCase();
  }
  throw new BundleError(`no checksum of ${url} is stated`, "Give the part's sha256 in the inventory.");
}

/** The repository's own index and signature with the packages that are needed of it: apt checks them as ever. */
function packagesTask({ inventory, profile, architecture, web, isDryRun }: Gathering, place: Place): Task {
  return {
    title: `kubeadm, kubelet, kubectl ${profile.kubernetes}`,
    run: async (progress) => {
      const url = packagesUrl(inventory.sources, profile);
      if (isDryRun) return [url];
      const file = (name: string) => place(`files/core/stable/v${seriesOf(profile.kubernetes)}/deb/${name}`);
      for (const name of ["Release.key", "InRelease"]) await download(web, `${url}/${name}`, file(name));
      // Every form of the index: apt's `file:` does not fall back from one that is not there to another.
      for (const [name, sha256] of indexes(await readFile(file("InRelease"), "utf8"))) {
        await download(web, `${url}/${name}`, file(name), sha256);
      }
      const packages = wanted(
        parseIndex(await readFile(file("Packages"), "utf8"), architecture),
        profile.kubernetes,
      );
      for (const { name, version, file: path, sha256 } of packages) {
        progress(`${name} ${version}`);
        await download(web, `${url}/${path}`, file(path), sha256);
      }
      return packages.map(({ name, version }) => `${name} ${version}`);
    },
  };
}

async function imagesOf({ inventory, profile, architecture, web }: Gathering): Promise<readonly string[]> {
  const { sources, parts } = inventory;
  const tag = `v${profile.kubernetes}`;
  const metrics = parts.metricsServer?.version ?? profile.metricsServer.version;
  const flannel = (await readText(web, artefact("flannel", inventory, profile, architecture).url)) ?? "";
  const all = [
    ...["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"].map((name) =>
      kubernetesImage(sources, name, tag),
    ),
    kubernetesImage(sources, "pause", profile.pause),
    kubernetesImage(sources, "etcd", profile.etcd),
    kubernetesImage(sources, "coredns", profile.coredns, "coredns/"),
    kubernetesImage(sources, "metrics-server", `v${metrics}`, "metrics-server/"),
    ...[...flannel.matchAll(/^\s*(?:- )?image:\s*["']?([^\s"']+)/gm)].map(([, image = ""]) => image),
  ];
  return [...new Set(all)];
}

function imageTask(
  { inventory, architecture, web, isDryRun }: Gathering,
  place: Place,
  image: string,
  index: { image: string; descriptor: Descriptor }[],
): Task {
  const client = new RegistryClient(web, inventory.sources.registryMirrors, architecture);
  return {
    title: image,
    run: async () => {
      if (isDryRun) return [image];
      const descriptor = await client.copy(image, (digest) => place(`images/blobs/sha256/${digest}`));
      index.push({ image, descriptor });
      return [descriptor.digest];
    },
  };
}

/** OCI image-spec, image-layout.md; containerd takes an image's name from its own annotation. */
async function writeLayout(
  place: Place,
  index: readonly { image: string; descriptor: Descriptor }[],
): Promise<void> {
  const manifests = index.map(({ image, descriptor }) => ({
    ...descriptor,
    annotations: { "io.containerd.image.name": image, "org.opencontainers.image.ref.name": image },
  }));
  await writeFile(place("images/oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(place("images/index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
}

async function archive(
  { inventory, profile, architecture, output, web }: Gathering,
  folder: string,
  parts: ReadonlyMap<PartName, { version: string; sha256: string }>,
  images: readonly string[],
): Promise<void> {
  const manifest: BundleManifest = {
    format: 1,
    profile: profile.name,
    kubernetes: profile.kubernetes,
    architecture,
    imageRepository: inventory.sources.imageRepository,
    parts: Object.fromEntries(parts) as BundleManifest["parts"],
    images,
    files: await sumsOf(folder),
  };
  await writeFile(join(folder, "bundle.json"), JSON.stringify(manifest, undefined, 2));
  const names = ["bundle.json", "files", "images"].filter((name) => existsSync(join(folder, name)));
  await runProgram("tar", ["-cf", `${output}.part`, "-C", folder, ...names], { signal: web.signal });
  await rename(`${output}.part`, output);
  await rm(folder, { recursive: true });
}
