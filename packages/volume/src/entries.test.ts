import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { once } from "node:events";

import { describe, expect, onTestFinished, test } from "vitest";

import type { Entry, PageRequest } from "./entries.ts";
import { at, namesIn, temporaryVolume } from "./testing/volume.ts";
import type { Volume } from "./volume.ts";

const orders = (["name", "size", "modified"] as const).flatMap((sort) =>
  (["asc", "desc"] as const).map((order) => ({ sort, order })),
);

/** Files of a few sizes and times, many alike, and two directories; named so that no two orders agree. */
function fill(directory: string): void {
  for (let index = 0; index < 20; index++) {
    const path = join(directory, `file-${(index * 7) % 20}`);
    writeFileSync(path, "x".repeat(index % 4));
    utimesSync(path, 1_700_000_000, 1_700_000_000 + ((index * 3) % 5));
  }
  mkdirSync(join(directory, "b-directory"));
  mkdirSync(join(directory, "z-directory"));
}

/** All pages one after the other; `between` may disturb the directory after each. */
async function pages(
  volume: Volume,
  request: Omit<PageRequest, "after">,
  between: (page: readonly Entry[]) => Promise<void> = () => Promise.resolve(),
): Promise<Entry[][]> {
  const all: Entry[][] = [];
  let after: PageRequest["after"];
  do {
    const page = await volume.list(at("/"), { ...request, after });
    all.push([...page.entries]);
    await between(page.entries);
    after = page.next;
  } while (after);
  return all;
}

function keyOf(entry: Entry, sort: PageRequest["sort"]): number | string {
  return { name: entry.name, size: entry.size ?? -1, modified: entry.modifiedMs }[sort];
}

describe.each(orders)("a listing by $sort, $order", ({ sort, order }) => {
  test("is in that order, and equals in the order of their names", async () => {
    const { volume, directory } = await temporaryVolume();
    fill(directory);
    const [page = []] = await pages(volume, { sort, order, limit: 100 });
    const sign = order === "asc" ? 1 : -1;
    const byKeyThenName = (a: Entry, b: Entry): number => {
      const [left, right] = [keyOf(a, sort), keyOf(b, sort)];
      if (left !== right) return left < right ? -sign : sign;
      return a.name < b.name ? -sign : sign;
    };
    expect(page).toHaveLength(22);
    expect(page).toEqual(page.toSorted(byKeyThenName));
  });

  test.each([1, 3, 11, 21, 22, 23])("in pages of %i gives everything once", async (limit) => {
    const { volume, directory } = await temporaryVolume();
    fill(directory);
    const [whole] = await pages(volume, { sort, order, limit: 100 });
    const cut = await pages(volume, { sort, order, limit });
    expect(cut.flat()).toEqual(whole);
    expect(cut).toHaveLength(Math.ceil(22 / limit));
  });

  test("skips and doubles nothing when entries go and come between pages", async () => {
    const { volume, directory } = await temporaryVolume();
    fill(directory);
    const [whole = []] = await pages(volume, { sort, order, limit: 100 });
    const removed = new Set(["file-13", "z-directory"]);
    let isFirst = true;
    const cut = await pages(volume, { sort, order, limit: 3 }, async (page) => {
      // The entry where the next page starts is the one that goes.
      const last = page.at(-1);
      if (last) await volume.remove(at(last.name));
      if (!isFirst) return;
      isFirst = false;
      for (const name of removed) await volume.remove(at(name)).catch(() => undefined);
    });
    const names = cut.flat().map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const expected = whole.map(({ name }) => name);
    expect(names).toEqual(expected.filter((name) => names.includes(name)));
    expect(expected.filter((name) => !removed.has(name) && !names.includes(name))).toEqual([]);
  });
});

describe("what a listing shows", () => {
  test("is files with size, time and tag, and directories with a time", async () => {
    const { volume, directory } = await temporaryVolume();
    writeFileSync(join(directory, "file"), "12345");
    utimesSync(join(directory, "file"), 1_700_000_000, 1_700_000_000.789);
    mkdirSync(join(directory, "folder"));
    utimesSync(join(directory, "folder"), 1_700_000_000, 1_600_000_000);
    const { entries, next } = await volume.list(at("/"), { sort: "name", order: "asc", limit: 10 });
    expect(entries).toEqual([
      {
        name: "file",
        type: "file",
        size: 5,
        modifiedMs: 1_700_000_000_789,
        etag: expect.stringMatching(/^".+"$/),
      },
      { name: "folder", type: "directory", size: null, modifiedMs: 1_600_000_000_000, etag: null },
    ]);
    expect(next).toBeUndefined();
  });

  test("is nothing but files and directories", async () => {
    const { volume, directory } = await temporaryVolume();
    writeFileSync(join(directory, "file"), "");
    symlinkSync("file", join(directory, "link"));
    symlinkSync("nowhere", join(directory, "dangling"));
    symlinkSync("/", join(directory, "out"));
    const server = createServer().listen(join(directory, "socket"));
    onTestFinished(() => void server.close());
    await once(server, "listening");
    expect(await namesIn(volume)).toEqual(["file"]);
  });

  test("fills a page although some names on the way are invisible", async () => {
    const { volume, directory } = await temporaryVolume();
    writeFileSync(join(directory, "a"), "");
    for (let index = 0; index < 10; index++) symlinkSync("a", join(directory, `link-${index}`));
    for (const name of ["x", "y", "z"]) writeFileSync(join(directory, name), "");
    const cut = await pages(volume, { sort: "name", order: "asc", limit: 2 });
    expect(cut.map((page) => page.map(({ name }) => name))).toEqual([
      ["a", "x"],
      ["y", "z"],
    ]);
  });

  test("is not the reserved directory at the root, and is one of that name elsewhere", async () => {
    const { volume, directory } = await temporaryVolume();
    mkdirSync(join(directory, "folder/.wharf"), { recursive: true });
    mkdirSync(join(directory, ".wharf"));
    mkdirSync(join(directory, ".Wharf"));
    writeFileSync(join(directory, ".wharf2"), "");
    expect(await namesIn(volume)).toEqual([".wharf2", "folder"]);
    expect(await namesIn(volume, "folder")).toEqual([".wharf"]);
    expect(await scanned(volume, "/")).toEqual([".wharf2", "folder"]);
    expect(await scanned(volume, "folder")).toEqual([".wharf"]);
  });

  test("is an empty page for an empty directory", async () => {
    const { volume } = await temporaryVolume();
    expect(await volume.list(at("/"), { sort: "size", order: "asc", limit: 10 })).toEqual({ entries: [] });
    expect(await scanned(volume, "/")).toEqual([]);
  });
});

describe("names that no client could have made", () => {
  test("are left out of a listing, and do not break it", async () => {
    const { volume, directory } = await temporaryVolume();
    writeFileSync(join(directory, "plain"), "");
    writeFileSync(join(directory, "line\nbreak"), "");
    writeFileSync(join(directory, String.raw`back\slash`), "");
    const notUtf8 = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0x66, 0xff, 0xfe])]);
    writeFileSync(notUtf8, "");
    expect(await namesIn(volume)).toEqual(["plain"]);
    expect(await scanned(volume, "/")).toEqual(["plain"]);
    const bySize = await pages(volume, { sort: "size", order: "asc", limit: 2 });
    expect(bySize.flat().map(({ name }) => name)).toEqual(["plain"]);
  });
});

describe("a scan", () => {
  test("gives every entry once, in batches, as a listing shows it", async () => {
    const { volume, directory } = await temporaryVolume();
    for (let index = 0; index < 2500; index++) writeFileSync(join(directory, String(index)), "");
    const batches: Entry[][] = [];
    for await (const batch of volume.scan(at("/"))) batches.push(batch);
    expect(Math.max(...batches.map(({ length }) => length))).toBeLessThan(2500);
    const { entries } = await volume.list(at("/"), { sort: "name", order: "asc", limit: 10_000 });
    expect(batches.flat().toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(entries);
  });
});

async function scanned(volume: Volume, path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const batch of volume.scan(at(path))) names.push(...batch.map(({ name }) => name));
  return names.toSorted();
}
