import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PassThrough, type Readable } from "node:stream";

import { runProgram } from "../programs.ts";
import { contentDigits, type ContainerConfig } from "./content.ts";
import { DeployError } from "./errors.ts";

/** Both services, by the last part of their images' names. */
export const services = ["fileserver", "downloader"] as const;

/** An image that is to be deployed. */
export interface Image {
  readonly service: (typeof services)[number];
  /** As it is called where it comes from: `wharf/fileserver:dev`. */
  readonly source: string;
  /** What it is deployed as, without the tag: `wharf.internal/fileserver`, `registry.example.org/team/wharf/fileserver`. */
  readonly name: string;
  /** `dev-3f2a91c0b7de`: with the first digits of a digest of its content, so that other content is another tag, and rolls out. */
  readonly tag: string;
}

/** Images as they are on the operator's machine. */
export interface LocalImages {
  readonly images: readonly Image[];
  /** What has to be carried. Docker does not say before it is done. */
  readonly bytes?: number;
  /** As Docker and Debian name it; undefined when the archive does not say. */
  readonly architecture: string | undefined;
  /** A `docker save` archive with all of them. */
  open(): Readable;
}

/**
 * What comes before the names of images that are carried to the nodes: nobody can serve it (.internal is for private use),
 * so that a node which lacks one asks no stranger for it.
 */
export const CARRIED = "wharf.internal";

interface Inspected {
  readonly Architecture: string;
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly Config?: ContainerConfig;
}

/**
 * What Docker on this machine has under a tag.
 *
 * @throws {DeployError} when it lacks one of them
 * @throws {ProgramError} without Docker
 */
export async function imagesOfDocker(
  tag: string,
  registry: string | undefined,
  signal: AbortSignal,
): Promise<LocalImages> {
  const sources = services.map((service) => `wharf/${service}:${tag}`);
  const answer = await runProgram("docker", ["image", "inspect", ...sources], { signal }).catch(
    (error: Error) => {
      if (!/no such image/i.test(error.message)) throw error;
      throw new DeployError("IMAGE_MISSING", `Docker has no ${sources.join(" and ")}.`, {
        hint: "Build them: leave --images out.",
      });
    },
  );
  const found = JSON.parse(answer) as readonly Inspected[];
  return {
    images: services.map((service, index) => {
      const { RootFS, Config } = found[index] ?? {};
      return named(
        service,
        sources[index] ?? "",
        registry,
        `${tag}-${contentDigits(RootFS?.Layers, Config)}`,
      );
    }),
    architecture: found[0]?.Architecture,
    open: () => save(sources),
  };
}

/** The same; undefined when Docker lacks one of them. */
export async function imagesThere(
  tag: string,
  registry: string | undefined,
  signal: AbortSignal,
): Promise<LocalImages | undefined> {
  return await imagesOfDocker(tag, registry, signal).catch((error: unknown) => {
    if (error instanceof DeployError) return undefined;
    throw error;
  });
}

/**
 * What an archive made by `docker save` holds.
 *
 * @throws {DeployError} when it lacks one of them
 */
export async function imagesOfArchive(file: string, signal: AbortSignal): Promise<LocalImages> {
  const manifest = JSON.parse(
    await runProgram("tar", ["-xOf", file, "manifest.json"], { signal }),
  ) as readonly ArchiveEntry[];
  const found = await Promise.all(
    services.map(async (service) => {
      const entry = manifest.find(({ RepoTags }) => RepoTags?.some((name) => isOf(name, service)));
      const source = entry?.RepoTags?.find((name) => isOf(name, service));
      if (entry === undefined || source === undefined) {
        throw new DeployError("IMAGE_MISSING", `${file} holds no wharf/${service}.`, {
          hint: "docker save wharf/fileserver:TAG wharf/downloader:TAG",
        });
      }
      const { architecture, rootfs, config } = JSON.parse(
        await runProgram("tar", ["-xOf", file, entry.Config], { signal }),
      ) as ArchivedImage;
      const tag = `${source.slice(source.lastIndexOf(":") + 1)}-${contentDigits(rootfs?.diff_ids, config)}`;
      return { architecture, image: named(service, source, undefined, tag) };
    }),
  );
  const { size } = await stat(file);
  return {
    images: found.map(({ image }) => image),
    bytes: size,
    architecture: found[0]?.architecture,
    open: () => createReadStream(file),
  };
}

interface ArchiveEntry {
  /** `3f2a….json`, or `blobs/sha256/3f2a…`. */
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
}

/** OCI image specification, "Image Configuration". */
interface ArchivedImage {
  readonly architecture?: string;
  readonly rootfs?: { readonly diff_ids: readonly string[] };
  readonly config?: ContainerConfig;
}

/** What is in the registry already, under a tag that is taken as it is. */
export function imagesOfRegistry(tag: string, registry: string | undefined): readonly Image[] {
  if (registry === undefined) {
    throw new DeployError("REGISTRY_MISSING", "--images registry needs deploy.registry in the inventory.");
  }
  return services.map((service) => named(service, `${registry}/wharf/${service}:${tag}`, registry, tag));
}

/** What is built under a tag, as far as that can be said before: nobody knows its content yet. */
export function imagesToBuild(tag: string, registry: string | undefined): readonly Image[] {
  return services.map((service) => named(service, `wharf/${service}:${tag}`, registry, tag));
}

/** What docker and containerd call an image that was named without a registry. */
export function canonical(reference: string): string {
  const [first = ""] = reference.split("/");
  return reference.includes("/") && /[.:]|^localhost$/.test(first) ? reference : `docker.io/${reference}`;
}

function isOf(name: string, service: string): boolean {
  return /(^|\/)wharf\/[^:/]+:[^:/]+$/.test(name) && name.includes(`wharf/${service}:`);
}

function named(service: Image["service"], source: string, registry: string | undefined, tag: string): Image {
  const prefix = registry === undefined ? CARRIED : `${registry}/wharf`;
  return { service, source, name: `${prefix}/${service}`, tag };
}

/** Ends only when Docker has ended well: a part of an archive must not look like all of it. */
function save(sources: readonly string[]): Readable {
  const archive = new PassThrough();
  const child = spawn("docker", ["save", ...sources], { stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  child.stdout.pipe(archive, { end: false });
  child.once("error", (error) => archive.destroy(error));
  child.once("close", (status) => {
    if (status === 0) archive.end();
    else
      archive.destroy(
        new DeployError("IMAGE_MISSING", `docker save ended with status ${status}: ${complaint.trim()}`),
      );
  });
  // Nobody reads on: it would wait for ever for room in its pipe.
  archive.once("close", () => {
    child.stdout.destroy();
    child.kill();
  });
  return archive;
}
