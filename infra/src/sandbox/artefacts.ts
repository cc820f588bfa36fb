import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { UsageError } from "../errors.ts";
import { type PartName, type PartOverride, partNames } from "../inventory/inventory.ts";
import { type Architecture, type Profile, seriesOf } from "../profiles/profile.ts";
import { releasePath } from "../steps/artefacts.ts";

/** @throws {UsageError} when it is not a folder that a mirror can serve */
export async function checkArtefacts(folder: string): Promise<string> {
  for (const name of ["files", "registry"]) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      throw new UsageError(`--artefacts ${folder}: there is no folder "${name}" in it`);
    }
  }
  return folder;
}

/** The profiles whose apt repository is in the folder. */
export async function profilesIn(folder: string, profiles: readonly Profile[]): Promise<readonly Profile[]> {
  const series = await list(join(folder, "files/core/stable"));
  return profiles.filter(({ kubernetes }) => series.includes(`v${seriesOf(kubernetes)}`));
}

/**
 * Where the folder holds other parts than the profile: the newest version that it has, where it has not the profile's;
 * and its own checksum, where the file is not the one that the profile knows.
 */
export async function partsIn(
  folder: string,
  profile: Profile,
  architecture: Architecture,
): Promise<Partial<Record<PartName, PartOverride>>> {
  const parts: Partial<Record<PartName, PartOverride>> = {};
  for (const name of partNames) {
    const { version, sha256 } = profile[name];
    const path = (one: string) => join(folder, "files", releasePath(name, one, architecture));
    if (!(await exists(path(version)))) {
      const other = await newest(path(version), version);
      if (other !== undefined) parts[name] = { version: other };
      continue;
    }
    const own = await checksumOf(path(version));
    const known = sha256?.[architecture];
    if (known !== undefined && own !== undefined && own !== known) parts[name] = { sha256: own };
  }
  return parts;
}

/** The newest version beside the one that is not there: `…/download/v0.25.1/kube-flannel.yml`. */
async function newest(path: string, version: string): Promise<string | undefined> {
  const tags = await list(path.slice(0, path.indexOf(`/v${version}/`)));
  const versions = tags.filter((tag) => /^v\d/.test(tag)).map((tag) => tag.slice(1));
  return versions.toSorted(compareVersions).at(-1);
}

/** Numbers as numbers: 1.9.0 is before 1.10.0. */
export function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** What is stated beside the file. */
async function checksumOf(file: string): Promise<string | undefined> {
  const text = await readFile(`${file}.sha256sum`, "utf8").catch(() => "");
  return /^[0-9a-f]{64}/.exec(text)?.[0];
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
