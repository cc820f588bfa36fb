import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

import { runProgram } from "../programs.ts";
import { DeployError } from "./errors.ts";

/** Both services, by the last part of their images' names. */
export const services = ["fileserver", "downloader"] as const;

/** An image that is to be deployed. */
export interface Image {
  readonly service: (typeof services)[number];
  /** As it is called where it comes from: `wharf/fileserver:dev`. */
  readonly source: string;
  /** What it is deployed as, without the tag: `wharf/fileserver`, `registry.example.org/wharf/fileserver`. */
  readonly name: string;
  /** `dev-3f2a91c0b7de`: with the first digits of its content's digest, so that other content is another tag, and rolls out. */
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

interface Inspected {
  readonly Id: string;
  readonly Architecture: string;
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
    images: services.map((service, index) =>
      named(service, sources[index] ?? "", registry, tag, found[index]?.Id ?? ""),
    ),
    architecture: found[0]?.Architecture,
    open: () => save(sources),
  };
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
  const images = services.map((service) => {
    const entry = manifest.find(({ RepoTags }) => RepoTags?.some((name) => isOf(name, service)));
    const source = entry?.RepoTags?.find((name) => isOf(name, service));
    if (entry === undefined || source === undefined) {
      throw new DeployError("IMAGE_MISSING", `${file} holds no wharf/${service}.`, {
        hint: "docker save wharf/fileserver:TAG wharf/downloader:TAG",
      });
    }
    return named(service, source, undefined, source.slice(source.lastIndexOf(":") + 1), entry.Config);
  });
  const config = JSON.parse(
    await runProgram("tar", ["-xOf", file, manifest[0]?.Config ?? ""], { signal }),
  ) as { architecture?: string };
  const { size } = await stat(file);
  return { images, bytes: size, architecture: config.architecture, open: () => createReadStream(file) };
}

interface ArchiveEntry {
  /** `3f2a….json`, or `blobs/sha256/3f2a…`. */
  readonly Config: string;
  readonly RepoTags?: readonly string[] | null;
}

/** What is in the registry already, under a tag that is taken as it is. */
export function imagesOfRegistry(tag: string, registry: string | undefined): readonly Image[] {
  if (registry === undefined) {
    throw new DeployError("REGISTRY_MISSING", "--images registry needs deploy.registry in the inventory.");
  }
  return services.map((service) => ({
    service,
    source: `${registry}/${service}:${tag}`,
    name: `${registry}/${service}`,
    tag,
  }));
}

/** What docker and containerd call an image that was named without a registry. */
export function canonical(reference: string): string {
  const [first = ""] = reference.split("/");
  return reference.includes("/") && /[.:]|^localhost$/.test(first) ? reference : `docker.io/${reference}`;
}

function isOf(name: string, service: string): boolean {
  return /(^|\/)wharf\/[^:/]+:[^:/]+$/.test(name) && name.includes(`wharf/${service}:`);
}

function named(
  service: Image["service"],
  source: string,
  registry: string | undefined,
  tag: string,
  id: string,
): Image {
  const digits = /[0-9a-f]{64}/.exec(id)?.[0].slice(0, 12) ?? "";
  return { service, source, name: `${registry ?? "wharf"}/${service}`, tag: `${tag}-${digits}` };
}

function save(sources: readonly string[]): Readable {
  const child = spawn("docker", ["save", ...sources], { stdio: ["ignore", "pipe", "inherit"] });
  child.once("error", (error) => child.stdout.destroy(error));
  child.once("close", (status) => {
    if (status !== 0)
      child.stdout.destroy(new DeployError("IMAGE_MISSING", `docker save ended with status ${status}.`));
  });
  return child.stdout;
}
