import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";

const CANDIDATES = [
  "/usr/share/doc",
  "/usr/share/man",
  "/usr/share/icons",
  "/usr/share/locale",
  "/usr/share",
];

/** A tree of somebody else's making. */
export interface RealTree {
  readonly root: string;
  /** Paths of the regular files in it, relative to it; symbolic links are neither followed nor named. */
  readonly files: readonly string[];
}

/** The first tree of this machine that has at least so many files. */
export async function realTree(atLeast: number): Promise<RealTree | undefined> {
  for (const root of CANDIDATES) {
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((): Dirent[] => []);
    const files = entries
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
    if (files.length >= atLeast) return { root, files: files.toSorted() };
  }
  return undefined;
}
