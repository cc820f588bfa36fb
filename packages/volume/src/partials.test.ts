import { linkSync, statSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { UnavailableError } from "./errors.ts";
import type { StagedFile } from "./staged-file.ts";
import { at, namesIn, put, read, temporaryVolume } from "./testing/volume.ts";
import type { Volume } from "./volume.ts";

/** Makes the partial file `name` with `text` in it, still open. */
async function begin(volume: Volume, name: string, text: string): Promise<StagedFile> {
  const file = await volume.partials.create(name);
  writeSync(file.fd, text);
  return file;
}

async function beginAndLeave(volume: Volume, name: string, text: string): Promise<void> {
  await (await begin(volume, name, text)).close();
}

async function textOf(file: StagedFile | undefined): Promise<string | undefined> {
  return file && (await readFile(`/dev/fd/${file.fd}`, "utf8"));
}

test("a partial file stays under its name when it is closed, and no sweep takes it", async () => {
  const { volume, directory } = await temporaryVolume({ strayAgeMs: 0 });
  await beginAndLeave(volume, "one", "text");
  await volume.close();
  const { volume: later } = await temporaryVolume({ directory, strayAgeMs: 0 });
  await later.sweep();
  expect(await later.partials.names()).toEqual(["one"]);
  expect(await namesIn(later)).toEqual([]);
});

test("a partial file is gone when it is discarded or removed", async () => {
  const { volume } = await temporaryVolume();
  await (await begin(volume, "one", "text")).discard();
  await beginAndLeave(volume, "two", "text");
  await volume.partials.remove("two");
  await volume.partials.remove("never was");
  expect(await volume.partials.names()).toEqual([]);
});

test("a part of a file can be read by its name", async () => {
  const { volume } = await temporaryVolume();
  await beginAndLeave(volume, "one", "0123456789");
  const part = async (name: string, position: number): Promise<string> =>
    (await volume.partials.read(name, position, 4)).toString();
  expect(await part("one", 2)).toBe("2345");
  expect(await part("one", 8)).toBe("89");
  expect(await part("one", 20)).toBe("");
  expect(await part("gone", 0)).toBe("");
});

test("there are no names before there is a first file", async () => {
  const { volume } = await temporaryVolume();
  expect(await volume.partials.names()).toEqual([]);
});

test("a name is given once", async () => {
  const { volume } = await temporaryVolume();
  await beginAndLeave(volume, "one", "text");
  await expect(volume.partials.create("one")).rejects.toMatchObject({ code: "EEXIST" });
  expect(await volume.partials.names()).toEqual(["one"]);
});

test("whoever continues has the first bytes in a file of its own", async () => {
  const { volume } = await temporaryVolume();
  await beginAndLeave(volume, "one", "durable, not durable");
  await using file = await volume.partials.continueFrom("two", "one", "durable".length);
  expect(await textOf(file)).toBe("durable");
  await using all = await volume.partials.continueFrom("three", "one", "durable, not durable".length);
  expect(await textOf(all)).toBe("durable, not durable");
  await using none = await volume.partials.continueFrom("four", "one", 0);
  expect(await textOf(none)).toBe("");
  expect((await volume.partials.names()).toSorted()).toEqual(["four", "one", "three", "two"]);
});

test("a writer that was only asleep writes into a file that nobody publishes", async () => {
  const { volume } = await temporaryVolume();
  await using asleep = await begin(volume, "one", "first");
  await using file = await volume.partials.continueFrom("two", "one", 5);
  writeSync(asleep.fd, " STALE", 5);
  writeSync(file?.fd ?? -1, " second", 5);
  await file?.publish(at("file"));
  writeSync(asleep.fd, "STALE AGAIN", 0);
  expect((await read(volume, "file")).text).toBe("first second");
});

test("nothing is continued from a file that is gone, or shorter than it should be", async () => {
  const { volume } = await temporaryVolume();
  await beginAndLeave(volume, "one", "12345");
  expect(await volume.partials.continueFrom("two", "one", 6)).toBeUndefined();
  expect(await volume.partials.continueFrom("two", "gone", 0)).toBeUndefined();
  expect(await volume.partials.names()).toEqual(["one"]);
  expect(await volume.partials.take("two", "gone", 0)).toBeUndefined();
  expect(await volume.partials.take("two", "one", 6)).toBeUndefined();
});

test("a file that was let go of is gone on with in place, as it is", async () => {
  const { volume } = await temporaryVolume();
  await beginAndLeave(volume, "one", "written");
  await using file = await volume.partials.take("two", "one", 4);
  expect(await textOf(file)).toBe("written");
  expect(await volume.partials.names()).toEqual(["two"]);
  await file?.publish(at("file"));
  expect(await volume.partials.names()).toEqual([]);
  expect((await read(volume, "file")).text).toBe("written");
});

test("of many who would go on in one file one does", async () => {
  const { volume } = await temporaryVolume();
  await beginAndLeave(volume, "one", "written");
  const takers = Array.from({ length: 20 }, (_, n) => volume.partials.take(`taker ${n}`, "one", 4));
  const files = (await Promise.all(takers)).filter((file) => file !== undefined);
  expect(files).toHaveLength(1);
  expect(await volume.partials.names()).toHaveLength(1);
  await files[0]?.close();
});

test.each([
  ["creating", undefined],
  ["replacing", "earlier"],
])(
  "after %s with its name kept a file says that it is published, until it is discarded",
  async (_, earlier) => {
    const { volume } = await temporaryVolume();
    if (earlier !== undefined) await put(volume, "file", earlier);
    const file = await begin(volume, "one", "text");
    expect(await volume.partials.isPublished("one")).toBe(false);
    await file.publish(at("file"), { replace: true, keepStaged: true });
    expect(await volume.partials.isPublished("one")).toBe(true);
    await file.close();
    expect(await volume.partials.isPublished("one")).toBe(true);
    await volume.partials.remove("one");
    expect(await volume.partials.isPublished("one")).toBe(false);
    expect((await read(volume, "file")).text).toBe("text");
  },
);

test("a file that is not there is not published", async () => {
  const { volume } = await temporaryVolume();
  expect(await volume.partials.isPublished("gone")).toBe(false);
});

test("a process that dies between its second link and the replacement has not published", async () => {
  const { volume, directory } = await temporaryVolume();
  await beginAndLeave(volume, "one", "text");
  const path = join(directory, ".wharf/partial/one");
  linkSync(path, `${path}~`);
  expect(statSync(path).nlink).toBe(2);
  expect(await volume.partials.isPublished("one")).toBe(false);
  expect(await volume.partials.names()).toEqual(["one"]);
});

test("the second link that a dead process left is in nobody's way", async () => {
  const { volume, directory } = await temporaryVolume();
  await put(volume, "file", "earlier");
  await beginAndLeave(volume, "one", "text");
  const path = join(directory, ".wharf/partial/one");
  linkSync(path, `${path}~`);
  await using file = await volume.partials.take("two", "one", 4);
  await file?.publish(at("file"), { replace: true, keepStaged: true });
  expect(await volume.partials.names()).toEqual(["two"]);
  expect((await read(volume, "file")).text).toBe("text");
});

test("a seized file is published by nobody who had it before", async () => {
  const { volume } = await temporaryVolume();
  await put(volume, "taken", "earlier");
  await using asleep = await begin(volume, "one", "text");
  const seized = await volume.partials.seize("one");
  for (const keepStaged of [false, true]) {
    for (const name of ["free", "taken"]) {
      const publishing = asleep.publish(at(name), { replace: true, keepStaged });
      await expect(publishing).rejects.toThrow(UnavailableError);
    }
  }
  expect(await namesIn(volume)).toEqual(["taken"]);
  expect((await read(volume, "taken")).text).toBe("earlier");
  await using file = await volume.partials.continueFrom("two", seized, 4);
  await file?.publish(at("free"));
  expect((await read(volume, "free")).text).toBe("text");
});

test("seizing again changes nothing, and a file that was published before says so under its new name", async () => {
  const { volume } = await temporaryVolume();
  await using file = await begin(volume, "one", "text");
  await file.publish(at("file"), { keepStaged: true });
  const seized = await volume.partials.seize("one");
  expect(await volume.partials.seize("one")).toBe(seized);
  expect(await volume.partials.names()).toEqual([seized]);
  expect(await volume.partials.isPublished(seized)).toBe(true);
  expect(await volume.partials.seize("never was")).not.toBe(seized);
});
