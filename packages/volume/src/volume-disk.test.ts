import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";

import { describe, expect, test } from "vitest";

import { InsufficientStorageError, MountedError, ReadOnlyError } from "./errors.ts";
import { canMount, mountAt, mountDisk, mountReadOnly } from "./testing/disk.ts";
import { at, namesIn, put, read, stagedIn, temporaryVolume } from "./testing/volume.ts";
import type { Volume } from "./volume.ts";

const MiB = 1 << 20;

describe.skipIf(!canMount)("on a disk of 8 MiB (needs mount and its privilege)", () => {
  async function smallVolume(minFreeBytes = 0): Promise<{ volume: Volume; directory: string }> {
    return await temporaryVolume({ directory: await mountDisk("size=8m"), minFreeBytes });
  }

  test.each([
    ["in large chunks", Array.from({ length: 20 }, () => Buffer.alloc(MiB))],
    ["in small chunks", Array.from({ length: 500 }, () => Buffer.alloc(20_000))],
    ["in one chunk", [Buffer.alloc(20 * MiB)]],
  ])("a stream that does not fit fails %s, and leaves nothing", async (_, chunks) => {
    const { volume, directory } = await smallVolume();
    await put(volume, "file", "kept");
    const freeBefore = await volume.freeBytes();
    {
      await using file = await volume.stage();
      const source = Readable.from(chunks);
      await expect(file.receive(source)).rejects.toThrow(InsufficientStorageError);
    }
    expect(await stagedIn(directory)).toEqual([]);
    expect(await volume.freeBytes()).toBe(freeBefore);
    expect((await read(volume, "file")).text).toBe("kept");
    await put(volume, "file", "works again");
  });

  test("a source that does not end is told of the full disk all the same, and left paused", async () => {
    const { volume } = await smallVolume();
    const source = new PassThrough({ highWaterMark: 32 * MiB });
    for (let chunk = 0; chunk < 20; chunk++) source.write(Buffer.alloc(MiB));
    await using file = await volume.stage();
    await expect(file.receive(source)).rejects.toThrow(InsufficientStorageError);
    expect(source.isPaused()).toBe(true);
  });

  test("a write that was cut short counts as far as it came", async () => {
    const { volume } = await smallVolume();
    const content = randomBytes(12 * MiB);
    await using file = await volume.stage();
    const sink = file.sink();
    for (let from = 0; from < content.length; from += 100_001)
      sink.push(content.subarray(from, from + 100_001));
    await expect(sink.flush()).rejects.toMatchObject({ code: "ENOSPC" });
    expect(sink.position).toBeGreaterThan(4 * MiB);
    const written = readFileSync(`/dev/fd/${file.fd}`);
    expect(written).toHaveLength(sink.position);
    expect(written.equals(content.subarray(0, sink.position))).toBe(true);
  });

  test("below the floor nothing is written, and what is there can be read and removed", async () => {
    const { volume, directory } = await smallVolume(6 * MiB);
    await put(volume, "large", "x".repeat(3 * MiB));
    await expect(volume.check()).rejects.toThrow(InsufficientStorageError);
    {
      await using file = await volume.stage();
      await expect(file.receive(Readable.from([Buffer.alloc(1)]))).rejects.toThrow(InsufficientStorageError);
    }
    expect(await stagedIn(directory)).toEqual([]);
    expect((await read(volume, "large")).text).toHaveLength(3 * MiB);
    await volume.remove(at("large"));
    await volume.check();
  });

  test("a partial file that cannot be continued for want of space leaves nothing", async () => {
    const { volume } = await smallVolume();
    await using file = await volume.partials.create("one");
    writeSync(file.fd, Buffer.alloc(5 * MiB));
    const continuing = volume.partials.continueFrom("two", "one", 5 * MiB);
    await expect(continuing).rejects.toThrow(InsufficientStorageError);
    expect(await volume.partials.names()).toEqual(["one"]);
  });
});

describe.skipIf(!canMount)("on a disk that has room for few files (needs mount and its privilege)", () => {
  async function fill(volume: Volume): Promise<void> {
    for (let index = 0; ; index++) await volume.makeDirectory(at(String(index)));
  }

  test("everything that would make one more fails, until one is removed", async () => {
    const { volume } = await temporaryVolume({ directory: await mountDisk("size=8m,nr_inodes=12") });
    await put(volume, "file", "");
    await put(volume, "file", "replaced");
    await expect(fill(volume)).rejects.toThrow(InsufficientStorageError);
    await expect(volume.stage()).rejects.toThrow(InsufficientStorageError);
    await expect(volume.partials.create("one")).rejects.toThrow(InsufficientStorageError);
    await expect(volume.check()).rejects.toThrow(InsufficientStorageError);
    await volume.remove(at("0"));
    await volume.check();
  });

  test("a lock that there is no room for does not pass for a disk that is read-only", async () => {
    const { volume } = await temporaryVolume({ directory: await mountDisk("size=8m,nr_inodes=12") });
    await expect(fill(volume)).rejects.toThrow(InsufficientStorageError);
    await expect(volume.remove(at("0"))).rejects.toThrow(InsufficientStorageError);
  });
});

describe.skipIf(!canMount)("on a disk that is read-only (needs mount and its privilege)", () => {
  async function readOnlyVolume(): Promise<{ volume: Volume; allowWriting: () => void }> {
    const directory = await mountDisk("size=8m");
    const before = await temporaryVolume({ directory });
    await put(before.volume, "folder/file", "there before");
    await put(before.volume, "folder/file", "there before");
    await put(before.volume, "other", "");
    await before.volume.close();
    mkdirSync(join(directory, ".wharf/staging/dead"));
    const { view, allowWriting } = await mountReadOnly(directory);
    return { volume: (await temporaryVolume({ directory: view })).volume, allowWriting };
  }

  test("everything that writes says so", async () => {
    const { volume } = await readOnlyVolume();
    await expect(volume.stage()).rejects.toThrow(ReadOnlyError);
    await expect(volume.makeDirectory(at("new"))).rejects.toThrow(ReadOnlyError);
    await expect(volume.remove(at("other"))).rejects.toThrow(ReadOnlyError);
    await expect(volume.remove(at("folder"), { recursive: true })).rejects.toThrow(ReadOnlyError);
    await expect(volume.partials.create("one")).rejects.toThrow(ReadOnlyError);
    await expect(volume.check()).rejects.toThrow(ReadOnlyError);
    await expect(volume.sweep()).rejects.toThrow(ReadOnlyError);
  });

  test("everything can be read", async () => {
    const { volume } = await readOnlyVolume();
    expect((await read(volume, "folder/file")).text).toBe("there before");
    expect(await namesIn(volume)).toEqual(["folder", "other"]);
    expect(await volume.stat(at("other"))).toMatchObject({ size: 0 });
    for await (const batch of volume.scan(at("folder"))) expect(batch).toHaveLength(1);
    expect(await volume.target(at("free"))).toBeUndefined();
    expect(await volume.partials.names()).toEqual([]);
  });

  test("all works again when it may be written", async () => {
    const { volume, allowWriting } = await readOnlyVolume();
    await expect(volume.remove(at("other"))).rejects.toThrow(ReadOnlyError);
    await expect(volume.check()).rejects.toThrow(ReadOnlyError);
    allowWriting();
    await volume.check();
    await put(volume, "folder/file", "replaced");
    expect((await read(volume, "folder/file")).text).toBe("replaced");
    await volume.remove(at("other"));
    await volume.remove(at("folder"), { recursive: true });
    expect(await volume.sweep()).toBe(1);
    expect(await namesIn(volume)).toEqual([]);
  });

  test("it can be closed", async () => {
    const { volume } = await readOnlyVolume();
    await expect(volume.stage()).rejects.toThrow(ReadOnlyError);
    await volume.close();
  });
});

describe.skipIf(!canMount)("with another disk mounted inside it (needs mount and its privilege)", () => {
  async function volumeWithMount(): Promise<Volume> {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "inner/below", "hidden by the mount");
    mountAt(join(directory, "inner"));
    writeFileSync(join(directory, "inner/file"), "on the other disk");
    return volume;
  }

  test("what is there can be read and listed", async () => {
    const volume = await volumeWithMount();
    expect((await read(volume, "inner/file")).text).toBe("on the other disk");
    expect(await namesIn(volume, "inner/")).toEqual(["file"]);
  });

  test.each([
    ["creating", (volume: Volume) => put(volume, "inner/new", "text")],
    ["replacing", (volume: Volume) => put(volume, "inner/file", "text")],
    ["removing a tree on it", (volume: Volume) => volume.remove(at("inner/folder"), { recursive: true })],
    ["removing its mount point", (volume: Volume) => volume.remove(at("inner"), { recursive: true })],
  ])("%s is refused, and changes nothing", async (_, change) => {
    const volume = await volumeWithMount();
    await volume.makeDirectory(at("inner/folder"));
    await expect(change(volume)).rejects.toThrow(MountedError);
    expect(await namesIn(volume, "inner/")).toEqual(["file", "folder"]);
    expect((await read(volume, "inner/file")).text).toBe("on the other disk");
  });
});
