import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";

import type { Task } from "../cli/report.ts";
import { stateFolderOf } from "../inventory/state-folder.ts";
import { forgetCluster } from "./access.ts";
import type { Docker, Kind } from "./docker.ts";
import { LABEL } from "./spec.ts";
import type { Place } from "./up.ts";

/** What `sandbox down` is asked for. */
export interface DownRequest extends Place {
  readonly withImages: boolean;
  /** Whether the inventory, and the folder beside it, are this sandbox's, so that they go with it. */
  readonly ownsInventory: boolean;
  readonly ownsStateFolder: boolean;
}

/**
 * Removes everything that carries the sandbox's label, its inventory and what was kept beside it, but for transcripts.
 *
 * @throws {DockerError} when Docker refuses something
 */
export async function takeDown(request: DownRequest): Promise<void> {
  const { name, report, docker } = request;
  const label = `${LABEL}=${name}`;
  // While its machines are there: they tell what they were made from.
  const images = request.withImages ? await imagesOf(docker, label) : [];
  const tasks = [
    removal(request, "machines", "container", label, ["rm", "--force", "--volumes"]),
    removal(request, "volumes", "volume", label, ["volume", "rm"]),
    removal(request, "network", "network", label, ["network", "rm"]),
    ...(request.withImages ? [imageRemoval(request, images)] : []),
  ];
  await report.run(`Sandbox ${name}`, tasks);
  const files = fileRemovals(request);
  if (files.length > 0) await report.run("Inventory", files);
}

/** The inventory last: it says whose the folder is. */
function fileRemovals({ inventoryFile, ownsInventory, ownsStateFolder, isDryRun }: DownRequest): Task[] {
  const stateFolder = stateFolderOf(inventoryFile);
  const folder: Task = {
    title: stateFolder,
    run: async () => {
      if (!existsSync(stateFolder)) return [];
      if (!isDryRun) await forgetCluster(stateFolder);
      return ["removed, with key, known hosts and kubeconfig, but for transcripts"];
    },
  };
  const inventory: Task = {
    title: inventoryFile,
    run: async () => {
      if (!isDryRun) await rm(inventoryFile);
      return ["removed"];
    },
  };
  return [...(ownsStateFolder ? [folder] : []), ...(ownsInventory ? [inventory] : [])];
}

function removal(
  { docker, isDryRun }: Place,
  title: string,
  kind: Kind,
  label: string,
  words: string[],
): Task {
  return {
    title,
    run: async () => {
      const found = await docker.labelled(kind, label);
      if (found.length === 0) return [];
      if (!isDryRun) await docker.run([...words, ...found]);
      return [`removed: ${found.length}`];
    },
  };
}

/** The images that its machines run from, but for those that another container was made from. */
async function imagesOf(docker: Docker, label: string): Promise<readonly string[]> {
  const own = await docker.labelled("container", label);
  if (own.length === 0) return [];
  const machines = JSON.parse(await docker.run(["container", "inspect", ...own])) as {
    readonly Id: string;
    readonly Image: string;
  }[];
  const ids = new Set(machines.map(({ Id }) => Id));
  const found: string[] = [];
  for (const image of new Set(machines.map(({ Image }) => Image))) {
    const filter = ["--all", "--quiet", "--no-trunc", "--filter", `ancestor=${image}`];
    const users = await docker.run(["container", "ls", ...filter]);
    if (users.split("\n").every((id) => ids.has(id))) found.push(image);
  }
  return found;
}

function imageRemoval({ docker, isDryRun }: Place, images: readonly string[]): Task {
  return {
    title: "images",
    run: async () => {
      if (images.length > 0 && !isDryRun) await docker.run(["image", "rm", ...images]);
      return images.map((image) => `removed: ${image}`);
    },
  };
}
