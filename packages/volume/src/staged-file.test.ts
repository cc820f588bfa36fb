import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import type { Entry } from "./entries.ts";
import {
  AlreadyExistsError,
  ConditionFailedError,
  IsDirectoryError,
  NotDirectoryError,
  NotFoundError,
  NotRegularError,
  PathInvalidError,
  TooLargeError,
} from "./errors.ts";
import { VolumePath } from "./path.ts";
import { at, during, namesIn, put, read, settle, stagedIn, temporaryVolume } from "./testing/volume.ts";

const MiB = 1 << 20;
const hasMkfifo = spawnSync("mkfifo", ["--version"]).error === undefined;

describe("receiving a stream", () => {
  test("writes all of it, and hashes it on the way", async () => {
    const { volume } = await temporaryVolume();
    const chunks = Array.from({ length: 60 }, (_, index) => randomBytes((index * 65_537) % 300_000));
    const whole = Buffer.concat(chunks);
    const hash = createHash("sha256");
    await using file = await volume.stage();
    const length = await file.receive(Readable.from(chunks), { hash });
    expect(length).toBe(whole.length);
    expect(hash.digest("hex")).toBe(createHash("sha256").update(whole).digest("hex"));
    await file.publish(at("file"));
    await using open = await volume.openFile(at("file"));
    expect(readFileSync(open.fd).equals(whole)).toBe(true);
  });

  test("pauses a source that is faster than the disk, and resumes it", async () => {
    const { volume } = await temporaryVolume();
    const source = new PassThrough({ highWaterMark: 64 * MiB });
    let pauses = 0;
    source.on("pause", () => pauses++);
    for (let chunk = 0; chunk < 40; chunk++) source.write(Buffer.alloc(MiB));
    source.end();
    await using file = await volume.stage();
    expect(await file.receive(source)).toBe(40 * MiB);
    expect(pauses).toBeGreaterThan(0);
  });

  test("of nothing makes an empty file", async () => {
    const { volume } = await temporaryVolume();
    await using file = await volume.stage();
    expect(await file.receive(Readable.from([]))).toBe(0);
    expect((await file.publish(at("empty"))).entry.size).toBe(0);
  });

  test("ends at the byte that is too many, and leaves the source paused for its owner", async () => {
    const { volume } = await temporaryVolume();
    const source = Readable.from([Buffer.alloc(600), Buffer.alloc(401), Buffer.alloc(5)]);
    await using file = await volume.stage();
    await expect(file.receive(source, { maxBytes: 1000 })).rejects.toThrow(TooLargeError);
    expect(source.isPaused()).toBe(true);
    expect(source.destroyed).toBe(false);
    expect(await source.toArray()).toHaveLength(1);
  });

  test("takes exactly as many bytes as are allowed", async () => {
    const { volume } = await temporaryVolume();
    await using file = await volume.stage();
    expect(await file.receive(Readable.from([Buffer.alloc(1000)]), { maxBytes: 1000 })).toBe(1000);
  });

  test("fails with the source's own error, as it is", async () => {
    const { volume } = await temporaryVolume();
    const failure = Object.assign(new Error("the source failed"), { code: "ENOSPC" });
    const source = new PassThrough();
    source.write("some");
    await using file = await volume.stage();
    const receiving = file.receive(source);
    await settle();
    source.destroy(failure);
    await expect(receiving).rejects.toBe(failure);
    source.emit("error", new Error("a second one finds somebody listening"));
  });

  test("fails when the source closes midway without a word", async () => {
    const { volume } = await temporaryVolume();
    const source = new PassThrough();
    source.write("some");
    await using file = await volume.stage();
    const receiving = file.receive(source);
    await settle();
    source.destroy();
    await expect(receiving).rejects.toThrow("closed before its end");
  });

  test("fails, and does not wait for ever, when the source was over before", async () => {
    const { volume } = await temporaryVolume();
    const destroyed = new PassThrough();
    destroyed.destroy();
    const failed = new PassThrough().on("error", () => undefined);
    const failure = new Error("failed before");
    failed.destroy(failure);
    const consumed = Readable.from(["gone"], { autoDestroy: false }).resume();
    await settle();
    await using file = await volume.stage();
    await expect(file.receive(destroyed)).rejects.toThrow("closed before its end");
    await expect(file.receive(failed)).rejects.toBe(failure);
    await expect(file.receive(consumed)).rejects.toThrow("closed before its end");
  });
});

describe("a file that is given up", () => {
  test("leaves nothing, neither staged nor published", async () => {
    const { volume, directory } = await temporaryVolume();
    {
      await using file = await volume.stage();
      writeSync(file.fd, "unfinished");
      expect(await stagedIn(directory)).toHaveLength(1);
    }
    expect(await stagedIn(directory)).toEqual([]);
    expect(await namesIn(volume)).toEqual([]);
  });

  test("while bytes of it wait for the disk writes none of them into the file that has its descriptor next", async () => {
    const { volume } = await temporaryVolume();
    // Three batches of at most 1,024 chunks: the second takes long enough for the rest to happen meanwhile.
    const sizes = [100, 6000, 1500].flatMap((size) => Array<number>(1024).fill(size));
    for (let round = 0; round < 10; round++) {
      const abandoned = await volume.stage();
      const sink = abandoned.sink();
      for (const size of sizes) sink.push(Buffer.alloc(size, "x"));
      while (sink.position === 0) await nextTurn();
      await abandoned.discard();
      await using next = await volume.stage();
      expect(next.fd).toBe(abandoned.fd);
      await sleep(10);
      expect(statSync(`/dev/fd/${next.fd}`).size).toBe(0);
    }
  });

  test("may be discarded twice, and after it was published", async () => {
    const { volume } = await temporaryVolume();
    const file = await volume.stage();
    await file.publish(at("file"));
    await file.discard();
    await file.discard();
    expect(await namesIn(volume)).toEqual(["file"]);
  });
});

describe("publishing", () => {
  test("creates the file and the directories on the way, and leaves nothing staged", async () => {
    const { volume, directory } = await temporaryVolume({ isDurable: true });
    await using file = await volume.stage();
    writeSync(file.fd, "content");
    const { entry, created } = await file.publish(at("a/b/file"));
    expect(created).toBe(true);
    expect(entry).toMatchObject({ name: "file", type: "file", size: 7 });
    expect(await stagedIn(directory)).toEqual([]);
    expect(readFileSync(join(directory, "a/b/file"), "utf8")).toBe("content");
    expect(statSync(join(directory, "a/b/file")).nlink).toBe(1);
  });

  test("replaces when it may, and says so", async () => {
    const { volume, directory } = await temporaryVolume({ isDurable: true });
    const first = await put(volume, "file", "first");
    const second = await put(volume, "file", "second", { replace: true });
    expect([first.created, second.created]).toEqual([true, false]);
    expect(await read(volume, "file")).toEqual({ text: "second", etag: second.entry.etag });
    expect(await stagedIn(directory)).toEqual([]);
  });

  test("fails on a name that is taken, and leaves what has it", async () => {
    const { volume, directory } = await temporaryVolume();
    const { entry } = await put(volume, "file", "first");
    await expect(put(volume, "file", "second", {})).rejects.toThrow(AlreadyExistsError);
    expect(await read(volume, "file")).toEqual({ text: "first", etag: entry.etag });
    expect(await stagedIn(directory)).toEqual([]);
  });

  test("may be tried again under another name after it failed", async () => {
    const { volume } = await temporaryVolume();
    await put(volume, "file", "first");
    await using file = await volume.stage();
    writeSync(file.fd, "second");
    await expect(file.publish(at("file"))).rejects.toThrow(AlreadyExistsError);
    await file.publish(at("file (1)"));
    expect((await read(volume, "file (1)")).text).toBe("second");
  });

  test("makes a directory again that was removed meanwhile", async () => {
    const { volume } = await temporaryVolume();
    await volume.makeDirectory(at("folder"));
    const publishing = async (): Promise<void> => {
      for (let round = 0; round < 100; round++) await put(volume, "folder/sub/file", String(round));
    };
    let removals = 0;
    await during(publishing(), async () => {
      await volume.remove(at("folder"), { recursive: true }).then(() => removals++, ifNotFound);
    });
    expect(removals).toBeGreaterThan(10);
  });

  test.each([1_700_000_000_123, 1_700_000_000_999, 946_684_800_001, 4_102_444_800_007, 0])(
    "gives the modification time that was asked for: %i",
    async (modifiedMs) => {
      const { volume } = await temporaryVolume();
      const { entry } = await put(volume, "file", "content", { modifiedMs });
      expect(entry.modifiedMs).toBe(modifiedMs);
      expect((await volume.stat(at("file"))).modifiedMs).toBe(modifiedMs);
    },
  );

  test("gives every millisecond as it is", async () => {
    const { volume } = await temporaryVolume();
    for (let index = 0; index < 200; index++) {
      const modifiedMs = 1_700_000_000_000 + index * 7_777_777;
      expect((await put(volume, "file", "", { replace: true, modifiedMs })).entry.modifiedMs).toBe(
        modifiedMs,
      );
    }
  });

  test("under names with every kind of character, each its own file", async () => {
    const { volume } = await temporaryVolume();
    const names = [
      "a b",
      "100%",
      "%41",
      "#1?",
      "a+b&c",
      `"'`,
      "\u4e2d\u6587",
      "e\u0301",
      "\u00e9",
      "\u{1f468}\u200d\u{1f469}",
    ];
    for (const name of names) await put(volume, `folder/${name}`, name, {});
    expect(await namesIn(volume, "folder")).toEqual(names.toSorted());
    for (const name of names) expect((await read(volume, `folder/${name}`)).text).toBe(name);
  });
});

function ifNotFound(error: unknown): void {
  if (!(error instanceof NotFoundError)) throw error;
}

describe("what stands in the way of publishing is told and left alone", () => {
  const replace = [{ replace: false }, { replace: true }];

  test.each(replace)("a directory, %o", async (options) => {
    const { volume } = await temporaryVolume();
    await put(volume, "folder/file", "kept");
    await expect(put(volume, "folder", "x", options)).rejects.toThrow(IsDirectoryError);
    expect((await read(volume, "folder/file")).text).toBe("kept");
  });

  test.each(replace)("a file on the way, %o", async (options) => {
    const { volume } = await temporaryVolume();
    await put(volume, "file", "kept");
    await expect(put(volume, "file/below", "x", options)).rejects.toThrow(NotDirectoryError);
    await expect(put(volume, "file/far/below", "x", options)).rejects.toThrow(NotDirectoryError);
    expect((await read(volume, "file")).text).toBe("kept");
  });

  test.each(replace)("a symbolic link, %o", async (options) => {
    const { volume, directory } = await temporaryVolume();
    await writeFile(join(directory, "target"), "kept");
    for (const target of ["target", "nowhere", "."]) {
      symlinkSync(target, join(directory, `to ${target}`));
      await expect(put(volume, `to ${target}`, "x", options)).rejects.toThrow(NotRegularError);
      expect(readlinkSync(join(directory, `to ${target}`))).toBe(target);
    }
    expect((await read(volume, "target")).text).toBe("kept");
  });

  test("a symbolic link to a directory on the way", async () => {
    const { volume, directory } = await temporaryVolume();
    mkdirSync(join(directory, "real"));
    symlinkSync("real", join(directory, "link"));
    await expect(put(volume, "link/file", "x")).rejects.toThrow(NotDirectoryError);
    expect(await namesIn(volume, "real")).toEqual([]);
  });

  test.skipIf(!hasMkfifo).each(replace)("a FIFO, %o (needs mkfifo)", async (options) => {
    const { volume, directory } = await temporaryVolume();
    execFileSync("mkfifo", [join(directory, "fifo")]);
    await expect(put(volume, "fifo", "x", options)).rejects.toThrow(NotRegularError);
    expect(lstatSync(join(directory, "fifo")).isFIFO()).toBe(true);
  });

  test("a path in directory form, which means no file", async () => {
    const { volume, directory } = await temporaryVolume();
    await using file = await volume.stage();
    await expect(file.publish(at("name/"))).rejects.toThrow(IsDirectoryError);
    await expect(file.publish(VolumePath.root)).rejects.toThrow(IsDirectoryError);
    expect(await namesIn(volume)).toEqual([]);
    expect(await stagedIn(directory)).toHaveLength(1);
  });

  test("a name that the file system has no room for", async () => {
    const { volume } = await temporaryVolume();
    await expect(put(volume, "s".repeat(255), "fits")).resolves.toMatchObject({ created: true });
    expect(() => at("s".repeat(256))).toThrow(PathInvalidError);
  });
});

describe("a condition", () => {
  test("sees the version that would be replaced, or none", async () => {
    const { volume } = await temporaryVolume();
    const seen: (Entry | undefined)[] = [];
    const condition = (current: Entry | undefined): boolean => seen.push(current) > 0;
    const first = await put(volume, "file", "first", { replace: true, condition });
    await put(volume, "file", "second", { replace: true, condition });
    expect(seen[0]).toBeUndefined();
    expect(seen.at(-1)).toEqual(first.entry);
  });

  test("that says no leaves the file as it is", async () => {
    const { volume, directory } = await temporaryVolume();
    const { entry } = await put(volume, "file", "first");
    const condition = (current: Entry | undefined): boolean => current?.etag === '"another"';
    await expect(put(volume, "file", "x", { replace: true, condition })).rejects.toThrow(
      ConditionFailedError,
    );
    await expect(put(volume, "new", "x", { replace: true, condition })).rejects.toThrow(ConditionFailedError);
    expect(await read(volume, "file")).toEqual({ text: "first", etag: entry.etag });
    expect(await namesIn(volume)).toEqual(["file"]);
    expect(await stagedIn(directory)).toEqual([]);
  });

  test("that asks for no version fails on a name that is taken", async () => {
    const { volume } = await temporaryVolume();
    const condition = (current: Entry | undefined): boolean => current === undefined;
    await put(volume, "file", "first", { replace: true, condition });
    await expect(put(volume, "file", "x", { replace: true, condition })).rejects.toThrow(
      ConditionFailedError,
    );
    expect((await read(volume, "file")).text).toBe("first");
  });

  test("that fails with an error fails the publication with it, and keeps nobody else waiting", async () => {
    const { volume } = await temporaryVolume();
    await put(volume, "file", "first");
    const mistake = new Error("a mistake");
    const condition = (): boolean => {
      throw mistake;
    };
    await expect(put(volume, "file", "x", { replace: true, condition })).rejects.toBe(mistake);
    await put(volume, "file", "second");
    expect((await read(volume, "file")).text).toBe("second");
  });

  test("of the current tag holds once: it is another one afterwards", async () => {
    const { volume } = await temporaryVolume();
    const { entry } = await put(volume, "file", "first");
    const condition = (current: Entry | undefined): boolean => current?.etag === entry.etag;
    await put(volume, "file", "again", { replace: true, condition });
    await expect(put(volume, "file", "x", { replace: true, condition })).rejects.toThrow(
      ConditionFailedError,
    );
    expect((await read(volume, "file")).text).toBe("again");
  });
});

describe("a staging name that is kept", () => {
  test.each([
    ["creating", undefined],
    ["replacing", "earlier"],
  ])("after %s is a second link until it is discarded", async (_, earlier) => {
    const { volume, directory } = await temporaryVolume();
    if (earlier !== undefined) await put(volume, "file", earlier);
    const file = await volume.stage();
    writeSync(file.fd, "kept");
    await file.publish(at("file"), { replace: true, keepStaged: true });
    const [staged = ""] = await stagedIn(directory);
    expect(statSync(staged).ino).toBe(statSync(join(directory, "file")).ino);
    expect(await stagedIn(directory)).toHaveLength(1);
    await file.discard();
    expect(await stagedIn(directory)).toEqual([]);
    expect((await read(volume, "file")).text).toBe("kept");
  });

  test.each([{ keepStaged: true }, { keepStaged: false }])(
    "does not multiply when the file is published under the same name again, %o",
    async ({ keepStaged }) => {
      const { volume, directory } = await temporaryVolume();
      const file = await volume.stage();
      await file.publish(at("file"), { keepStaged: true });
      await file.publish(at("file"), { keepStaged: true, replace: true });
      await file.publish(at("file"), { keepStaged, replace: true });
      expect(await stagedIn(directory)).toHaveLength(keepStaged ? 1 : 0);
      await file.discard();
      expect(await stagedIn(directory)).toEqual([]);
      expect(statSync(join(directory, "file")).nlink).toBe(1);
    },
  );
});
