import { resolve } from "node:path";

import type { Cluster, VerbContext } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import type { Kubectl } from "../kubernetes/kubectl.ts";
import { isReady, schedulable } from "../kubernetes/nodes.ts";
import type { KubernetesNode, List } from "../kubernetes/objects.ts";
import type { Node } from "../node/node.ts";
import { build, push } from "./build.ts";
import { carry, lacking, pin } from "./carry.ts";
import { DeployError } from "./errors.ts";
import {
  type Image,
  imagesOfArchive,
  imagesOfDocker,
  imagesOfRegistry,
  imagesThere,
  imagesToBuild,
  type LocalImages,
} from "./images.ts";

/** Where images come from: built here, as Docker here has them, from an archive, or in the registry already. */
export type Origin =
  | { readonly kind: "build"; readonly tag: string; readonly nodeImage: string | undefined }
  | { readonly kind: "docker" | "registry"; readonly tag: string }
  | { readonly kind: "archive"; readonly file: string };

/** @throws {UsageError} for options that contradict each other */
export function originOf(values: VerbContext["values"], folder: string): Origin {
  const { images: kind = "build", archive } = values;
  const [tag, nodeImage] = [values["image-tag"], values["node-image"]].map((value) =>
    typeof value === "string" ? value : undefined,
  );
  if (nodeImage !== undefined && (kind !== "build" || archive !== undefined)) {
    throw new UsageError("--node-image is what images are built on: nothing would be built");
  }
  if (typeof archive === "string") {
    if (values["images"] === undefined && tag === undefined)
      return { kind: "archive", file: resolve(folder, archive) };
    throw new UsageError("--archive says which images: leave --images and --image-tag out");
  }
  if (kind === "build") return { kind, tag: tag ?? "dev", nodeImage };
  if (kind === "docker" || kind === "registry") return { kind, tag: tag ?? "dev" };
  throw new UsageError(`--images is build, docker or registry, not ${String(kind)}`);
}

/**
 * Sees to it that every node that Pods may be put on has the images, or can pull them. Reports what it does.
 *
 * @returns the images under the names they are deployed as
 */
export async function provideImages(
  origin: Origin,
  cluster: Cluster,
  kubectl: Kubectl,
  context: VerbContext,
): Promise<readonly Image[]> {
  const { report, options, signal } = context;
  const { registry } = cluster.inventory.deploy;
  const nodes = await kubectl.json<List<KubernetesNode>>(["get", "nodes", "-o", "json"], { signal });
  const workers = schedulable(nodes);
  if (workers.length === 0)
    throw new DeployError("NO_WORKER", "There is no node that Pods may be put on.", {
      hint: "pnpm cluster status shows the nodes; kubectl uncordon, or another worker in the inventory.",
    });
  if (origin.kind === "registry") return imagesOfRegistry(origin.tag, registry);
  if (origin.kind === "build" && options.isDryRun) {
    const there = await imagesThere(origin.tag, registry, signal);
    if (there === undefined) return imagesToBuild(origin.tag, registry);
  }
  if (origin.kind === "build" && !options.isDryRun) {
    const platform = `linux/${onlyArchitecture(workers)}`;
    await report.run("images", [
      {
        title: `build for ${platform}`,
        run: (progress) =>
          build({ tag: origin.tag, platform, nodeImage: origin.nodeImage }, progress, signal),
      },
    ]);
  }
  const local = await (origin.kind === "archive"
    ? imagesOfArchive(origin.file, signal)
    : imagesOfDocker(origin.tag, registry, signal));
  checkArchitecture(local, workers);
  if (registry === undefined || origin.kind === "archive") {
    const inInventory = new Set(cluster.nodes.map(({ name }) => name));
    for (const line of passedOver(nodes, inInventory)) report.say(line);
    const receivers = cluster.nodes.filter(({ name }) =>
      workers.some(({ metadata }) => metadata.name === name),
    );
    await report.run(
      "images on nodes",
      receivers.map((node) => ({
        node: node.name,
        title: "images",
        run: (progress) => bring(node, local, options.isDryRun, progress, signal),
      })),
      { concurrent: true },
    );
  } else {
    await report.run("images in the registry", [
      {
        title: `push to ${registry}`,
        run: (progress) => (options.isDryRun ? Promise.resolve([]) : push(local.images, progress, signal)),
      },
    ]);
  }
  return local.images;
}

/** A line for each node that Pods may come to some day, and that gets no images now. */
export function passedOver(nodes: List<KubernetesNode>, inInventory: ReadonlySet<string>): readonly string[] {
  const there = new Map(nodes.items.map((node) => [node.metadata.name, node]));
  const strangers = schedulable(nodes).filter(({ metadata }) => !inInventory.has(metadata.name));
  const again = "gets no images: deploy again when that has changed";
  return [
    ...[...inInventory].flatMap((name) => {
      const node = there.get(name);
      if (node === undefined) return [`${name} has not joined the cluster, and ${again}.`];
      if (!isReady(node)) return [`${name} is not Ready, and ${again}.`];
      return node.spec.unschedulable === true ? [`${name} is cordoned, and ${again}.`] : [];
    }),
    ...strangers.map(
      ({ metadata }) =>
        `${metadata.name} is not in the inventory, and gets no images: Pods that are put on it will not start.`,
    ),
  ];
}

async function bring(
  node: Node,
  local: LocalImages,
  isDryRun: boolean,
  progress: (text: string) => void,
  signal: AbortSignal,
) {
  const missing = await lacking(node, local.images, signal);
  if (missing.length > 0 && !isDryRun) await carry(node, local, progress, signal);
  if (!isDryRun) await pin(node, local.images, signal);
  return missing.map(({ name, tag }) => `${name}:${tag} imported`);
}

function architectures(nodes: readonly KubernetesNode[]): readonly string[] {
  return [...new Set(nodes.map(({ status }) => status.nodeInfo?.architecture ?? ""))];
}

const FOR_BOTH = "Push images for both with pnpm images --push, and deploy with --images registry.";

function onlyArchitecture(workers: readonly KubernetesNode[]): string {
  const [first = "", ...more] = architectures(workers);
  if (more.length === 0) return first;
  throw new DeployError(
    "ARCHITECTURES",
    `The workers are ${[first, ...more].join(" and ")}: one Docker holds images of one.`,
    { hint: FOR_BOTH },
  );
}

/** @throws {DeployError} when a worker cannot run the images */
export function checkArchitecture(
  { architecture }: Pick<LocalImages, "architecture">,
  workers: readonly KubernetesNode[],
): void {
  const strangers = workers.filter(
    ({ status }) => architecture !== undefined && status.nodeInfo?.architecture !== architecture,
  );
  if (strangers.length === 0) return;
  const names = strangers
    .map(({ metadata, status }) => `${metadata.name} (${status.nodeInfo?.architecture ?? "?"})`)
    .join(", ");
  throw new DeployError("ARCHITECTURES", `The images are for ${architecture}, which ${names} cannot run.`, {
    hint:
      architectures(workers).length > 1
        ? FOR_BOTH
        : "Leave --images and --archive out: then they are built for the nodes.",
  });
}
