import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { UnavailableError } from "./errors.ts";
import { VolumePath } from "./path.ts";
import { startPeer } from "./testing/start-peer.ts";
import { at, namesIn, put, read, temporaryFolder, temporaryVolume } from "./testing/volume.ts";
import type { Volume } from "./volume.ts";

const byName = { sort: "name", order: "asc", limit: 10 } as const;

/** Everything a volume can be asked for, at its root and below. */
const operations: Record<string, (volume: Volume) => Promise<unknown>> = {
  "reading a file": (volume) => volume.openFile(at("file")),
  "reading a deep file": (volume) => volume.openFile(at("folder/file")),
  "the state of a file": (volume) => volume.stat(at("file")),
  "the state of the root": (volume) => volume.stat(VolumePath.root),
  "listing the root": (volume) => volume.list(VolumePath.root, byName),
  "listing a folder": (volume) => volume.list(at("folder"), byName),
  "scanning the root": (volume) => volume.scan(VolumePath.root).next(),
  "making a directory": (volume) => volume.makeDirectory(at("new")),
  "making a deep directory": (volume) => volume.makeDirectory(at("folder/new")),
  "removing a file": (volume) => volume.remove(at("file")),
  "removing a tree": (volume) => volume.remove(at("folder"), { recursive: true }),
  publishing: (volume) => put(volume, "new", ""),
  "publishing deep": (volume) => put(volume, "folder/new", ""),
  "asking for a target": (volume) => volume.target(at("new")),
  "a partial file": (volume) => volume.partials.create(randomUUID()),
  "the check": (volume) => volume.check(),
};

async function volumeToLose(): Promise<{ volume: Volume; directory: string }> {
  const directory = join(await temporaryFolder(), "volume");
  const { volume } = await temporaryVolume({ directory });
  await put(volume, "file", "first");
  await put(volume, "folder/file", "first");
  await volume.remove(at("file"));
  await put(volume, "file", "first");
  return { volume, directory };
}

describe.each(Object.entries(operations))("when the volume's directory is removed, %s", (_, operation) => {
  test("says that the volume is not available, and makes none in its place", async () => {
    const { volume, directory } = await volumeToLose();
    rmSync(directory, { recursive: true });
    await expect(operation(volume)).rejects.toThrow(UnavailableError);
    await expect(operation(volume)).rejects.toThrow(UnavailableError);
    expect(existsSync(directory)).toBe(false);
  });

  test("works on the one that was made in its place, after one failure at most", async () => {
    const { volume, directory } = await volumeToLose();
    rmSync(directory, { recursive: true });
    mkdirSync(join(directory, "folder"), { recursive: true });
    for (const path of ["file", "folder/file"]) writeFileSync(join(directory, path), "second");
    const failed = await operation(volume).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failed === undefined || failed instanceof UnavailableError).toBe(true);
    if (failed !== undefined) await operation(volume);
  });
});

test("a check takes up the directory that was made in place of one that was removed", async () => {
  const { volume, directory } = await volumeToLose();
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  await volume.check();
  await put(volume, "folder/file", "second");
  await put(volume, "folder/file", "third");
  expect((await read(volume, "folder/file")).text).toBe("third");
  await volume.remove(at("folder"), { recursive: true });
  expect(readdirSync(directory)).toEqual([".wharf"]);
});

test("a check takes up the directory that was put where another was moved away", async () => {
  const { volume, directory } = await volumeToLose();
  renameSync(directory, `${directory}-moved`);
  await expect(volume.check()).rejects.toThrow(UnavailableError);
  mkdirSync(directory);
  await volume.check();
  await put(volume, "new", "");
  expect(await namesIn(volume)).toEqual(["new"]);
  expect(existsSync(`${directory}-moved/new`)).toBe(false);
});

test.each([
  ["the volume was", ""],
  ["only its reserved directory was", ".wharf"],
])("when %s removed and made anew, replacements still exclude those of other processes", async (_, what) => {
  const { volume, directory } = await volumeToLose();
  rmSync(join(directory, what), { recursive: true });
  mkdirSync(join(directory, ".wharf"), { recursive: true });
  await volume.check();
  await put(volume, "file", "second");
  const peer = await startPeer(directory);
  expect(await peer.call("hold", join(directory, ".wharf/publish.lock"))).toBe(true);
  let isReplaced = false;
  const replacing = put(volume, "file", "third").then(() => (isReplaced = true));
  await sleep(50);
  expect(isReplaced).toBe(false);
  await peer.kill();
  await replacing;
  expect((await read(volume, "file")).text).toBe("third");
});

test("a volume that is gone can be closed", async () => {
  const { volume, directory } = await volumeToLose();
  rmSync(directory, { recursive: true });
  await volume.close();
  expect(existsSync(directory)).toBe(false);
});
