import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { LABEL, type Machine } from "./spec.ts";
import { DockerError, type Docker } from "./docker.ts";

const CONTEXT = join(import.meta.dirname, "images");

/**
 * The image of one kind of machine, by a name that changes with what it is made of: where there is one by that name,
 * nothing is to be built.
 */
export async function imageName(kind: Machine["kind"], base: string): Promise<string> {
  const recipe = createHash("sha256").update(base);
  for (const folder of [".", kind]) {
    const entries = await readdir(join(CONTEXT, folder), { withFileTypes: true });
    for (const { name } of entries
      .filter((entry) => entry.isFile())
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      recipe.update(`\0${name}\0`).update(await readFile(join(CONTEXT, folder, name)));
    }
  }
  return `wharf-sandbox-${kind}:${recipe.digest("hex").slice(0, 12)}`;
}

/**
 * Builds the image, which takes a minute where packages must come from Debian, and no network where the base has them.
 *
 * @throws {DockerError} with the end of the build's output
 */
export async function buildImage(
  docker: Docker,
  kind: Machine["kind"],
  base: string,
  progress: (text: string) => void,
): Promise<void> {
  const args = [
    "--build-arg",
    `BASE=${base}`,
    "--build-arg",
    `KIND=${kind}`,
    "--label",
    `${LABEL}.image=${kind}`,
  ];
  try {
    progress(`from ${base}; the packages that it lacks come from Debian`);
    await docker.run(["build", "--tag", await imageName(kind, base), ...args, CONTEXT]);
  } catch (error) {
    if (!(error instanceof DockerError) || error.hint !== undefined) throw error;
    throw new DockerError(
      error.message,
      `The base image ${base} must be a Debian or Ubuntu that this machine has or can pull (--base-image), ` +
        "with the packages in it or a network to fetch them by.",
    );
  }
}
