import { join } from "node:path";

import { runProgram } from "../programs.ts";
import { type Image, imagesOfDocker, imagesThere } from "./images.ts";

/** The repository's root: where the Dockerfiles and `k8s/` are. */
export const root = new URL("../../../", import.meta.url).pathname;

/** What is built. */
export interface Build {
  readonly tag: string;
  /** As Docker names it: `linux/amd64`. */
  readonly platform: string;
  /** The base, in place of the official one. */
  readonly nodeImage: string | undefined;
}

/**
 * Builds both images into Docker here, as `pnpm images --load` does.
 *
 * @returns a line for each image that is another than before
 * @throws {ProgramError} with the end of what the build said
 */
export async function build(
  { tag, platform, nodeImage }: Build,
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const before = await imagesThere(tag, undefined, signal);
  const script = join(root, "apps/wharf/src/images.ts");
  const args = [
    "--load",
    "--tag",
    tag,
    "--platform",
    platform,
    ...(nodeImage === undefined ? [] : ["--node-image", nodeImage]),
  ];
  await runProgram(process.execPath, [script, ...args], { signal, onLine: progress });
  const after = await imagesOfDocker(tag, undefined, signal);
  return after.images
    .filter((image, index) => image.tag !== before?.images[index]?.tag)
    .map(({ source }) => `${source} built`);
}

/** Pushes images to a registry under the names they are deployed as. Resolves to those that it had not yet. */
export async function push(
  images: readonly Image[],
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const pushed: string[] = [];
  for (const { source, name, tag } of images) {
    const target = `${name}:${tag}`;
    progress(target);
    await runProgram("docker", ["tag", source, target], { signal });
    const output = await runProgram("docker", ["push", target], { signal });
    if (/: Pushed$/m.test(output)) pushed.push(`${target} pushed`);
  }
  return pushed;
}
