import {
  closeSync,
  linkSync,
  openSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
  type BigIntStats,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, onTestFinished, test } from "vitest";

import { CLOCK_TICK_MS, entityTag, isUnsettled, settled } from "./entity-tag.ts";
import { fstat } from "./system.ts";
import { canMountImages, mountCoarseDisk } from "./testing/disk.ts";
import { startPeer } from "./testing/start-peer.ts";
import { at, during, put, read, temporaryFolder, temporaryVolume } from "./testing/volume.ts";

async function temporaryFile(): Promise<{ fd: number; path: string }> {
  const path = join(await temporaryFolder(), "file");
  const fd = openSync(path, "w+");
  onTestFinished(() => closeSync(fd));
  return { fd, path };
}

describe("an entity tag", () => {
  test("is strong: quoted, without W/", async () => {
    const { fd } = await temporaryFile();
    expect(entityTag(await fstat(fd))).toMatch(/^"[\w-]+"$/);
  });

  test("is the same in every process, and however it is asked for", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    const { entry } = await put(volume, "folder/file", "content");
    expect(await peer.call("etag", "folder/file")).toBe(entry.etag);
    expect((await volume.stat(at("folder/file"))).etag).toBe(entry.etag);
    expect((await read(volume, "folder/file")).etag).toBe(entry.etag);
    const { entries } = await volume.list(at("folder"), { sort: "name", order: "asc", limit: 1 });
    expect(entries).toEqual([entry]);
  });

  test("stays the same while the file does, also when it is read", async () => {
    const { volume } = await temporaryVolume();
    const { entry } = await put(volume, "file", "content");
    for (let round = 0; round < 5; round++) {
      expect(await read(volume, "file")).toEqual({ text: "content", etag: entry.etag });
      await sleep(CLOCK_TICK_MS);
    }
  });
});

describe("a rewrite of the same size changes the entity tag", () => {
  testRewrites(temporaryFolder, 300);
});

describe.skipIf(!canMountImages())(
  "so it does on a disk whose times move on by whole ticks of the clock (needs mount, a loop device and mke2fs)",
  () => {
    testRewrites(mountCoarseDisk, 100);
  },
);

function testRewrites(makeDirectory: () => Promise<string>, rounds: number): void {
  test(`in ${rounds} replacements as fast as they go`, async () => {
    const { volume } = await temporaryVolume({ directory: await makeDirectory() });
    const tags = new Set<string | null>();
    for (let round = 0; round < rounds; round++) {
      tags.add((await put(volume, "file", String(round).padStart(5))).entry.etag);
    }
    expect(tags.size).toBe(rounds);
    expect(tags).toContain((await volume.stat(at("file"))).etag);
  });

  test("in 100 replacements at once", async () => {
    const { volume } = await temporaryVolume({ directory: await makeDirectory() });
    const texts = Array.from({ length: 100 }, (_, round) => String(round).padStart(5));
    const published = await Promise.all(texts.map((text) => put(volume, "file", text)));
    expect(new Set(published.map(({ entry }) => entry.etag)).size).toBe(100);
  });

  test(`in ${rounds} removals and creations, which use the inodes again`, async () => {
    const { volume } = await temporaryVolume({ directory: await makeDirectory() });
    const tags = new Set<string | null>();
    for (let round = 0; round < rounds; round++) {
      tags.add((await put(volume, "file", String(round).padStart(5))).entry.etag);
      await volume.remove(at("file"));
    }
    expect(tags.size).toBe(rounds);
  });

  test("when another program makes it in place and puts the modification time back, however it is asked for", async () => {
    const { volume, directory } = await temporaryVolume({ directory: await makeDirectory() });
    const modifiedMs = 1_700_000_000_000;
    await put(volume, "folder/file", "000000", { modifiedMs });
    const path = join(directory, "folder/file");
    const { atime, mtime } = statSync(path);
    const looks = [
      async () => await volume.stat(at("folder/file")),
      async () => (await volume.list(at("folder"), { sort: "name", order: "asc", limit: 1 })).entries[0],
      async () => (await volume.scan(at("folder")).next()).value?.[0],
      async () => await volume.target(at("folder/file")),
    ];
    const tags = new Set<string | null | undefined>();
    for (let round = 0; round < 40; round++) {
      writeFileSync(path, String(round).padStart(6), { flag: "r+" });
      utimesSync(path, atime, mtime);
      const entry = await looks[round % looks.length]?.();
      expect(entry).toMatchObject({ size: 6, modifiedMs });
      tags.add(entry?.etag);
    }
    expect(tags.size).toBe(40);
  });

  test("in place, in the tick in which it was asked for: one tag never stands for two contents", async () => {
    const { volume, directory } = await temporaryVolume({ directory: await makeDirectory() });
    await put(volume, "file", "00000");
    const peer = await startPeer(directory);
    const texts = Array.from({ length: 40 }, (_, index) => String(index).padStart(5, "0"));
    const contents = new Map<string, string>();
    await during(peer.call("rewriteInPlace", join(directory, "file"), texts), async () => {
      const before = await read(volume, "file");
      const { etag } = await volume.stat(at("file"));
      // Content read between two looks that agree is what the tag stands for.
      if (etag !== before.etag) return;
      expect(contents.get(etag) ?? before.text).toBe(before.text);
      contents.set(etag, before.text);
    });
    expect(contents.size).toBeGreaterThan(1);
  });
}

describe("a file's state is settled", () => {
  test("when its last change is at least a clock tick old", async () => {
    const { fd } = await temporaryFile();
    writeSync(fd, "just now");
    const looksAtMs: number[] = [];
    const stats = await settled(() => {
      looksAtMs.push(Date.now());
      return fstat(fd);
    });
    const [firstAtMs = NaN, lastAtMs = NaN] = [looksAtMs[0], looksAtMs.at(-1)];
    expect(isUnsettled(stats, firstAtMs, 0)).toBe(true);
    expect(isUnsettled(stats, lastAtMs, 0)).toBe(false);
  });

  test("by its age when it was read, however long the answer took", async () => {
    const { fd } = await temporaryFile();
    writeSync(fd, "first");
    const stats = await settled(async () => {
      const found = await fstat(fd);
      if (found.size === 5n) {
        await sleep(2 * CLOCK_TICK_MS);
        writeSync(fd, " second");
      }
      return found;
    });
    expect(stats.size).toBe(12n);
  });

  test("after a few looks, when it is written without pause", async () => {
    const { fd } = await temporaryFile();
    let looks = 0;
    const stats: BigIntStats = await settled(() => {
      writeSync(fd, "x");
      looks++;
      return fstat(fd);
    });
    expect(looks).toBe(4);
    expect(stats.size).toBe(4n);
  });

  test("when the staging name it was published from is gone", async () => {
    const { volume } = await temporaryVolume();
    await using file = await volume.stage();
    writeSync(file.fd, "text");
    await file.publish(at("file"), { keepStaged: true });
    const early = [
      volume.stat(at("file")),
      volume.list(at("/"), { sort: "name", order: "asc", limit: 1 }),
    ] as const;
    await sleep(10 * CLOCK_TICK_MS);
    await file.discard();
    const { etag } = await volume.stat(at("file"));
    expect((await early[0]).etag).toBe(etag);
    expect((await early[1]).entries).toMatchObject([{ etag }]);
  });

  test("soon enough when it has two names for good", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "file", "text");
    linkSync(join(directory, "file"), join(directory, "second"));
    const first = await read(volume, "file");
    expect(await read(volume, "second")).toEqual(first);
  });

  test("at once when the time is another node's, ahead of ours", async () => {
    const { fd } = await temporaryFile();
    const stats = await fstat(fd);
    expect(isUnsettled(stats, Number(stats.ctimeMs) - 60_000, 0)).toBe(false);
  });
});
