import { rm } from "node:fs/promises";

import type { Task } from "../cli/report.ts";
import { stateFolderOf } from "../inventory/state-folder.ts";
import { forgetCluster } from "./access.ts";
import { DockerError, type Kind } from "./docker.ts";
import { LABEL } from "./spec.ts";
import type { Place } from "./up.ts";

/** What `sandbox down` is asked for. */
export interface DownRequest extends Place {
  readonly withImages: boolean;
  /** Whether the inventory is this sandbox's, so that it goes with it. */
  readonly ownsInventory: boolean;
}

/**
 * Removes everything that carries the sandbox's label, its inventory and what was kept beside it, but for transcripts.
 *
 * @throws {DockerError} when Docker refuses something
 */
export async function takeDown(request: DownRequest): Promise<void> {
  const { name, report, inventoryFile, ownsInventory, isDryRun } = request;
  const label = `${LABEL}=${name}`;
  const tasks = [
    removal(request, "machines", "container", label, ["rm", "--force", "--volumes"]),
    removal(request, "volumes", "volume", label, ["volume", "rm"]),
    removal(request, "network", "network", label, ["network", "rm"]),
    ...(request.withImages ? [imageRemoval(request)] : []),
  ];
  await report.run(`Sandbox ${name}`, tasks);
  if (!ownsInventory) return;
  await report.run("Inventory", [
    {
      title: inventoryFile,
      run: async () => {
        if (!isDryRun) {
          await forgetCluster(stateFolderOf(inventoryFile));
          await rm(inventoryFile);
        }
        return ["removed, with its key, known hosts and kubeconfig"];
      },
    },
  ]);
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

/** All that sandboxes are made from, but for those that another one runs on. */
function imageRemoval({ docker, isDryRun }: Place): Task {
  return {
    title: "images",
    run: async () => {
      const removed: string[] = [];
      for (const image of await docker.labelled("image", `${LABEL}.image`)) {
        try {
          if (!isDryRun) await docker.run(["image", "rm", image]);
          removed.push(`removed: ${image}`);
        } catch (error) {
          if (!(error instanceof DockerError) || !/is being used/.test(error.message)) throw error;
        }
      }
      return removed;
    },
  };
}
