import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

import { program, type Need } from "../harness/needs.ts";

const exec = promisify(execFile);

/** What `docker` with these arguments says; throws with what it complains of. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await exec("docker", args, { maxBuffer: 1 << 26 });
  return stdout.trim();
}

/** @returns undefined when images can be built, and bases for them made */
export function building(): Need {
  const missing = program("docker") ?? program("mmdebstrap") ?? program("npm") ?? program("git");
  if (missing !== undefined) return missing;
  if (spawnSync("docker", ["version"]).status !== 0) return "needs docker's daemon, which does not answer";
  return plugin("buildx");
}

/** @returns undefined when docker has the plugin */
export function plugin(name: "buildx" | "compose"): Need {
  const found = spawnSync("docker", [name, "version"]).status === 0;
  return found ? undefined : `needs docker's plugin ${name}, which is not installed`;
}

/** Part of what `docker inspect` tells of an image. */
export interface Image {
  readonly Size: number;
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly Config: {
    readonly Env: readonly string[];
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
    readonly Volumes?: object | null;
  };
}

export async function inspectImage(name: string): Promise<Image> {
  const [image] = JSON.parse(await docker("image", "inspect", name)) as [Image];
  return image;
}
