import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";

import type { PartName } from "../inventory/inventory.ts";
import type { Architecture } from "../profiles/profile.ts";
import { BundleError } from "./errors.ts";

/** `bundle.json`, first in the archive: what the rest of it is. */
export interface BundleManifest {
  readonly format: 1;
  readonly profile: string;
  readonly kubernetes: string;
  readonly architecture: Architecture;
  /** As the images are named. */
  readonly imageRepository: string;
  readonly parts: Readonly<Record<PartName, { readonly version: string; readonly sha256: string }>>;
  readonly images: readonly string[];
  /** The SHA-256 of every other file, by its path in the archive. */
  readonly files: Readonly<Record<string, string>>;
}

/** The SHA-256 of every file below a folder, by its path from there, in the order of their names. */
export async function sumsOf(folder: string): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const file of (await filesBelow(folder)).toSorted()) sums[relative(folder, file)] = await sumOf(file);
  return sums;
}

/** Every file below a folder, with its path. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** @throws {BundleError} naming every file that is missing, or is another than the manifest says */
export async function verify(folder: string, manifest: BundleManifest): Promise<void> {
  const wrong: string[] = [];
  for (const [file, sum] of Object.entries(manifest.files)) {
    const found = await sumOf(join(folder, file)).catch(() => "missing");
    if (found !== sum)
      wrong.push(`${file}: ${found === "missing" ? "missing" : "another checksum than when it was made"}`);
  }
  if (wrong.length > 0) throw new BundleError(`the bundle is damaged:\n${wrong.join("\n")}`, "Copy it anew.");
}

/** The SHA-256 of a file. */
export async function sumOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
