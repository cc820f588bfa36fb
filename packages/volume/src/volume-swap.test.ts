import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, test } from "vitest";

import { VolumeError } from "./errors.ts";
import { startScript } from "./testing/start-peer.ts";
import { at, during, namesIn, put, read, temporaryFolder, temporaryVolume } from "./testing/volume.ts";
import type { Volume } from "./volume.ts";

const ONLY_OUTSIDE = ["OUTSIDE", "outside-only", "kept"];

/** What is done through the names that are swapped; each says what it found. */
const attempts: Record<string, (volume: Volume, round: number) => Promise<unknown>> = {
  "reading through the directory": (volume) => read(volume, "name/secret.txt").then(({ text }) => [text]),
  "reading the file": (volume) => read(volume, "swapped.txt").then(({ text }) => [text]),
  listing: (volume) => namesIn(volume, "name"),
  "listing deeper": (volume) => namesIn(volume, "name/inner"),
  looking: (volume) => volume.stat(at("name/outside-only")).then(({ name }) => [name]),
  writing: (volume) => put(volume, "name/new", "inside"),
  replacing: (volume) => put(volume, "name/secret.txt", "inside"),
  "replacing the file": (volume) => put(volume, "swapped.txt", "inside"),
  "making a directory": (volume, round) => volume.makeDirectory(at(`name/inner/${round}`)),
  "removing a file": (volume) => volume.remove(at("name/secret.txt")),
  "removing a tree": (volume) => volume.remove(at("name"), { recursive: true }),
  "removing a tree deeper": (volume) => volume.remove(at("name/inner"), { recursive: true }),
};

test.skipIf(process.platform !== "linux")(
  "nothing outside is read, written or removed through a name that is swapped for a link (needs /proc)",
  async () => {
    const { volume, directory } = await temporaryVolume();
    const outside = await temporaryFolder();
    mkdirSync(join(outside, "inner/kept"), { recursive: true });
    writeFileSync(join(outside, "secret.txt"), "OUTSIDE");
    writeFileSync(join(outside, "outside-only"), "OUTSIDE");
    const before = contentsOf(outside);
    const scratch = join(directory, "scratch");
    mkdirSync(scratch);
    const paths = [join(directory, "name"), join(directory, "swapped.txt"), scratch, outside];
    await once(startScript("swapper.ts", paths), "message");

    const found = new Set<unknown>();
    const outcomes = new Set<string>();
    let round = 0;
    await during(sleep(3000), async () => {
      round++;
      for (const [what, attempt] of Object.entries(attempts)) {
        const outcome = await attempt(volume, round).then(
          (names) => {
            if (Array.isArray(names)) for (const name of names) found.add(name);
            return "done";
          },
          (error: unknown) => codeOf(error),
        );
        outcomes.add(`${what}: ${outcome}`);
      }
    });
    // Both the directory and the link were met.
    expect(found).toContain("inside");
    expect(outcomes).toContain("writing: done");
    expect(outcomes).toContain("writing: NOT_A_DIRECTORY");
    expect(ONLY_OUTSIDE.filter((name) => found.has(name))).toEqual([]);
    expect(contentsOf(outside)).toEqual(before);
  },
);

function codeOf(error: unknown): string {
  if (error instanceof VolumeError) return error.code;
  throw error;
}

/** Every file's path and text, and every directory's path. */
function contentsOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return entry.isFile() ? `${path}: ${readFileSync(path, "utf8")}` : path;
    })
    .toSorted();
}
