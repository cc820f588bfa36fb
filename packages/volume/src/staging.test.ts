import { closeSync, existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { describe, expect, onTestFinished, test } from "vitest";

import { Staging } from "./staging.ts";
import { startPeer } from "./testing/start-peer.ts";
import { put, read, stagedIn, temporaryFolder, temporaryVolume } from "./testing/volume.ts";

const HOUR_MS = 3_600_000;

async function temporaryStaging(): Promise<{ staging: Staging; folder: string; root: string }> {
  const root = join(await temporaryFolder(), "volume");
  mkdirSync(root);
  const folder = join(root, ".wharf", "staging");
  const staging = new Staging(folder, HOUR_MS);
  onTestFinished(() => staging.close());
  return { staging, folder, root };
}

async function createClosed(staging: Staging): Promise<string> {
  const { fd, path } = await staging.create();
  closeSync(fd);
  return path;
}

describe("a process's own folder", () => {
  test("holds all its files, beside the lock that says it lives", async () => {
    const { staging, folder } = await temporaryStaging();
    const paths = await Promise.all(Array.from({ length: 10 }, () => createClosed(staging)));
    expect(new Set(paths).size).toBe(10);
    const [id = "", lock] = readdirSync(folder).toSorted();
    expect(lock).toBe(`${id}.lock`);
    expect(readdirSync(folder)).toHaveLength(2);
    expect(readdirSync(join(folder, id))).toHaveLength(10);
  });

  test("is another's for another, in the same process too", async () => {
    const { staging, folder } = await temporaryStaging();
    const other = new Staging(folder, HOUR_MS);
    onTestFinished(() => other.close());
    await createClosed(staging);
    await createClosed(other);
    expect(readdirSync(folder)).toHaveLength(4);
    expect(await other.sweep()).toBe(0);
    expect(readdirSync(folder)).toHaveLength(4);
  });

  test("gives new files open for reading and writing", async () => {
    const { staging } = await temporaryStaging();
    const { fd } = await staging.create();
    expect(writeSync(fd, "text")).toBe(4);
    closeSync(fd);
  });

  test("takes a directory that is moved there", async () => {
    const { staging, root } = await temporaryStaging();
    mkdirSync(join(root, "full/inner"), { recursive: true });
    const reserved = await staging.reserve();
    await rename(join(root, "full"), reserved);
    expect(readdirSync(reserved)).toEqual(["inner"]);
  });

  test("is made again when it was taken away", async () => {
    const { staging, folder } = await temporaryStaging();
    await createClosed(staging);
    await rm(folder, { recursive: true });
    expect(existsSync(await createClosed(staging))).toBe(true);
    await rm(folder, { recursive: true });
    expect(existsSync(await staging.reserve())).toBe(true);
  });

  test("is not made where the volume itself has gone", async () => {
    const { staging, root } = await temporaryStaging();
    await createClosed(staging);
    await rm(root, { recursive: true });
    await expect(staging.create()).rejects.toMatchObject({ code: "ENOENT" });
    expect(existsSync(root)).toBe(false);
  });

  test("is gone after it was closed, with all that was in it", async () => {
    const { staging, folder } = await temporaryStaging();
    await createClosed(staging);
    mkdirSync(join(await staging.reserve(), "inner"));
    await staging.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("may be closed when it is gone, or never was", async () => {
    const { staging, folder } = await temporaryStaging();
    await staging.close();
    await createClosed(staging);
    await rm(folder, { recursive: true });
    await staging.close();
    expect(existsSync(folder)).toBe(false);
  });
});

describe("a process that wrote here", () => {
  test("is dead once it has been killed, and not while it lives or sleeps", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    const holder = await peer.call("holder");
    expect(await volume.isDead(holder)).toBe(false);
    peer.sleep(true);
    expect(await volume.isDead(holder)).toBe(false);
    peer.sleep(false);
    await peer.kill();
    expect(await volume.isDead(holder)).toBe(true);
    await volume.sweep();
    expect(await volume.isDead(holder)).toBe(true);
  });

  test("is not dead when it is this one", async () => {
    const { volume } = await temporaryVolume();
    const holder = await volume.holder();
    expect(await volume.isDead(holder)).toBe(false);
    expect(await volume.holder()).toBe(holder);
  });
});

describe("a sweep", () => {
  test("removes what a killed process left, and leaves a living one's file, which can still be published", async () => {
    const { volume, directory } = await temporaryVolume();
    const dying = await startPeer(directory);
    const living = await startPeer(directory);
    await dying.call("stage", "lost");
    await dying.call("stage", "lost too");
    await living.call("stage", "kept");
    expect(await volume.sweep()).toBe(0);
    await dying.kill();
    expect(await stagedIn(directory)).toHaveLength(3);
    expect(await volume.sweep()).toBe(1);
    expect(await stagedIn(directory)).toHaveLength(1);
    await living.call("publishStaged", "file");
    expect((await read(volume, "file")).text).toBe("kept");
  });

  test("leaves this process's own files", async () => {
    const { volume, directory } = await temporaryVolume();
    await using file = await volume.stage();
    expect(await volume.sweep()).toBe(0);
    expect(await stagedIn(directory)).toHaveLength(1);
    expect(file.fd).toBeGreaterThan(0);
  });

  test("removes a folder that has no lock at all, and in it trees deeper than a path may be long", async () => {
    const { volume, directory } = await temporaryVolume();
    const dead = join(directory, ".wharf/staging/dead");
    await put(volume, Array<string>(16).fill("d".repeat(255)).join("/"), "deep");
    mkdirSync(dead);
    await rename(join(directory, "d".repeat(255)), join(dead, "d".repeat(255)));
    expect(await volume.sweep()).toBe(1);
    expect(existsSync(dead)).toBe(false);
  });

  test("removes a lock without a folder by its age, unless it is held", async () => {
    const { staging, folder, root } = await temporaryStaging();
    await createClosed(staging);
    const own = readdirSync(folder);
    const peer = await startPeer(root);
    for (const name of ["old", "young", "held"]) writeFileSync(join(folder, `${name}.lock`), "");
    expect(await peer.call("hold", join(folder, "held.lock"))).toBe(true);
    const before = (Date.now() - 2 * HOUR_MS) / 1000;
    for (const name of ["old", "held"]) utimesSync(join(folder, `${name}.lock`), before, before);
    expect(await staging.sweep()).toBe(0);
    expect(readdirSync(folder).toSorted()).toEqual([...own, "held.lock", "young.lock"].toSorted());
  });

  test("leaves what a process has that was put to sleep, however old it is", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    await peer.call("stage", "slow");
    peer.sleep(true);
    for (const path of await stagedIn(directory)) utimesSync(dirname(path), 0, 0);
    expect(await volume.sweep()).toBe(0);
    peer.sleep(false);
    await peer.call("publishStaged", "file");
    expect((await read(volume, "file")).text).toBe("slow");
  });

  test("may run in two processes at once", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    const staging = join(directory, ".wharf/staging");
    for (let folder = 0; folder < 30; folder++) {
      const path = join(staging, `dead-${folder}`);
      mkdirSync(join(path, "tree/inner"), { recursive: true });
      writeFileSync(join(path, "tree/inner/file"), "");
      writeFileSync(`${path}.lock`, "");
    }
    await Promise.all([volume.sweep(), peer.call("sweep"), volume.sweep()]);
    expect(readdirSync(staging)).toEqual([]);
    await put(volume, "file", "still works");
  });

  test("of a volume that has no staging yet finds nothing", async () => {
    const { volume } = await temporaryVolume();
    expect(await volume.sweep()).toBe(0);
  });
});
