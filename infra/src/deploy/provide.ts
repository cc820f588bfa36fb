import { resolve } from "node:path";

import type { Cluster, VerbContext } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import type { Kubectl } from "../kubernetes/kubectl.ts";
import { schedulable } from "../kubernetes/nodes.ts";
import type { KubernetesNode, List } from "../kubernetes/objects.ts";
import type { Node } from "../node/node.ts";
import { build, push } from "./build.ts";
import { carry, lacking } from "./carry.ts";
import { DeployError } from "./errors.ts";
import { type Image, imagesOfArchive, imagesOfDocker, imagesOfRegistry, type LocalImages } from "./images.ts";

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
  if (origin.kind === "registry") return imagesOfRegistry(origin.tag, registry);
  const workers = schedulable(
    await kubectl.json<List<KubernetesNode>>(["get", "nodes", "-o", "json"], { signal }),
  );
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
  if (origin.kind === "build" && options.isDryRun && !(await isBuilt(origin.tag, signal))) {
    // Nobody can say what their content would be.
    return imagesOfRegistry(origin.tag, registry ?? "wharf");
  }
  const local = await (origin.kind === "archive"
    ? imagesOfArchive(origin.file, signal)
    : imagesOfDocker(origin.tag, registry, signal));
  checkArchitecture(local, workers);
  const pushes = registry !== undefined && origin.kind !== "archive";
  const tasks = pushes
    ? [
        {
          title: `push to ${registry}`,
          run: (progress: (text: string) => void) =>
            options.isDryRun ? Promise.resolve([]) : push(local.images, progress, signal),
        },
      ]
    : cluster.nodes
        .filter(({ name }) => workers.some(({ metadata }) => metadata.name === name))
        .map((node) => ({
          node: node.name,
          title: "images",
          run: (progress: (text: string) => void) => bring(node, local, options.isDryRun, progress, signal),
        }));
  await report.run("images on nodes", tasks, { concurrent: true });
  return local.images;
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
  return missing.map(({ name, tag }) => `${name}:${tag} imported`);
}

async function isBuilt(tag: string, signal: AbortSignal): Promise<boolean> {
  return await imagesOfDocker(tag, undefined, signal).then(
    () => true,
    (error: unknown) => {
      if (error instanceof DeployError) return false;
      throw error;
    },
  );
}

function architectures(nodes: readonly KubernetesNode[]): readonly string[] {
  return [...new Set(nodes.map(({ status }) => status.nodeInfo?.architecture ?? ""))];
}

function onlyArchitecture(nodes: readonly KubernetesNode[]): string {
  const [first, ...more] = architectures(nodes);
  if (first === undefined)
    throw new DeployError("NO_WORKER", "There is no node that Pods may be put on.", {
      hint: "pnpm cluster status shows the nodes; kubectl uncordon, or another worker in the inventory.",
    });
  if (more.length === 0) return first;
  throw new DeployError(
    "ARCHITECTURES",
    `The workers are ${[first, ...more].join(" and ")}: one Docker holds images of one.`,
    {
      hint: "Push images for both with pnpm images --push, and deploy with --images registry.",
    },
  );
}

function checkArchitecture({ architecture }: LocalImages, workers: readonly KubernetesNode[]): void {
  const strangers = workers.filter(
    ({ status }) => architecture !== undefined && status.nodeInfo?.architecture !== architecture,
  );
  if (strangers.length === 0) return;
  const names = strangers
    .map(({ metadata, status }) => `${metadata.name} (${status.nodeInfo?.architecture ?? "?"})`)
    .join(", ");
  throw new DeployError("ARCHITECTURES", `The images are for ${architecture}, which ${names} cannot run.`, {
    hint: "Leave --images and --archive out: then they are built for the nodes.",
  });
}
