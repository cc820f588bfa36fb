import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { Directory } from "./directory.ts";
import { openDescriptorsIn, temporaryFolder } from "./testing/volume.ts";

async function openTemporary(): Promise<{ root: Directory; folder: string }> {
  const folder = await temporaryFolder();
  const root = await Directory.open(folder);
  onTestFinished(() => root.close());
  return { root, folder };
}

test("a directory is reached one name at a time", async () => {
  const { root, folder } = await openTemporary();
  mkdirSync(join(folder, "a/b"), { recursive: true });
  writeFileSync(join(folder, "a/b/file"), "found");
  await using directory = await root.descend(["a", "b"]);
  expect(await readFile(directory.at("file"), "utf8")).toBe("found");
  expect(await readdir(directory.path)).toEqual(["file"]);
});

test("what is missing on the way is an error, or is made when asked for", async () => {
  const { root, folder } = await openTemporary();
  await expect(root.descend(["a", "b"])).rejects.toMatchObject({ code: "ENOENT" });
  expect(readdirSync(folder)).toEqual([]);
  await using directory = await root.descend(["a", "b", "c"], { durable: true });
  await writeFile(directory.at("file"), "");
  expect(readdirSync(join(folder, "a/b/c"))).toEqual(["file"]);
});

/** Counts which directories are synced while `work` is done. */
async function syncedBy(work: () => Promise<Directory>): Promise<number[]> {
  const sync = vi.spyOn(Directory.prototype, "sync");
  try {
    await (await work()).close();
    return sync.mock.contexts.map((directory) => (directory as Directory).fd);
  } finally {
    sync.mockRestore();
  }
}

describe("on the way to what must survive a power cut", () => {
  test("each directory that gains an entry is synced", async () => {
    const { root } = await openTemporary();
    const synced = await syncedBy(() => root.descend(["a", "b", "c"], { durable: true }));
    expect(synced).toHaveLength(3);
    expect(synced[0]).toBe(root.fd);
  });

  test("so is one that another process has just added an entry to, and may not have synced", async () => {
    const { root, folder } = await openTemporary();
    mkdirSync(join(folder, "a/b"), { recursive: true });
    const synced = await syncedBy(() => root.descend(["a", "b"], { durable: true }));
    expect(synced).toHaveLength(2);
    expect(synced[0]).toBe(root.fd);
  });

  test("what has been there for a while is left alone", async () => {
    const { root, folder } = await openTemporary();
    mkdirSync(join(folder, "a/b"), { recursive: true });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    onTestFinished(() => void vi.useRealTimers());
    expect(await syncedBy(() => root.descend(["a", "b"], { durable: true }))).toEqual([]);
    expect(await syncedBy(() => root.descend(["a", "new"], { durable: true }))).toHaveLength(1);
  });

  test("nothing is synced where it need not survive", async () => {
    const { root } = await openTemporary();
    expect(await syncedBy(() => root.descend(["a", "b"], { durable: false }))).toEqual([]);
    expect(await syncedBy(() => root.descend(["a", "b"]))).toEqual([]);
  });

  test.skipIf(process.platform !== "linux")(
    "a sync that fails leaves no descriptor open (needs /proc)",
    async () => {
      const { root, folder } = await openTemporary();
      const sync = vi.spyOn(Directory.prototype, "sync").mockRejectedValue(new Error("broken disk"));
      onTestFinished(() => sync.mockRestore());
      for (const names of [["a"], ["a", "b"]]) {
        await expect(root.descend(names, { durable: true })).rejects.toThrow("broken disk");
      }
      expect(openDescriptorsIn(folder)).toEqual([folder]);
    },
  );
});

test.each([
  ["a file"],
  ["a link to a directory inside"],
  ["a link to a directory outside"],
  ["a dangling link"],
])("the way does not lead through %s", async (obstacle) => {
  const { root, folder } = await openTemporary();
  mkdirSync(join(folder, "real/sub"), { recursive: true });
  const make: Record<string, (path: string) => void> = {
    "a file": (path) => writeFileSync(path, ""),
    "a link to a directory inside": (path) => symlinkSync("real", path),
    "a link to a directory outside": (path) => symlinkSync("/", path),
    "a dangling link": (path) => symlinkSync("nowhere", path),
  };
  make[obstacle]?.(join(folder, "obstacle"));
  for (const names of [["obstacle"], ["obstacle", "sub"]]) {
    await expect(root.descend(names)).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(root.descend(names, { durable: false })).rejects.toMatchObject({ code: "ENOTDIR" });
  }
  expect(readdirSync(folder).toSorted()).toEqual(["obstacle", "real"]);
});

test("the directory given to open may be reached through a link, which is the operator's", async () => {
  const folder = await temporaryFolder();
  mkdirSync(join(folder, "real/sub"), { recursive: true });
  symlinkSync("real", join(folder, "mount"));
  await using root = await Directory.open(join(folder, "mount"));
  await using sub = await root.descend(["sub"]);
  expect(await readdir(sub.path)).toEqual([]);
});

test.skipIf(process.platform !== "linux")(
  "an open directory stays the same one when its name is given to a link (needs /proc)",
  async () => {
    const { root, folder } = await openTemporary();
    mkdirSync(join(folder, "name"));
    mkdirSync(join(folder, "outside"));
    await using directory = await root.descend(["name"]);
    renameSync(join(folder, "name"), join(folder, "moved"));
    symlinkSync("outside", join(folder, "name"));
    await writeFile(directory.at("file"), "");
    expect(readdirSync(join(folder, "moved"))).toEqual(["file"]);
    expect(readdirSync(join(folder, "outside"))).toEqual([]);
  },
);

test("of many who make the same directories at once, all reach them", async () => {
  const { root, folder } = await openTemporary();
  const names = ["a", "b", "c", "d"];
  const makers = Array.from({ length: 20 }, () => root.descend(names, { durable: false }));
  for (const [index, directory] of (await Promise.all(makers)).entries()) {
    await writeFile(directory.at(String(index)), "");
    await directory.close();
  }
  expect(readdirSync(join(folder, ...names))).toHaveLength(20);
});

test.skipIf(process.platform !== "linux")(
  "no step leaves a descriptor open, whether it succeeds or fails (needs /proc)",
  async () => {
    const { root, folder } = await openTemporary();
    mkdirSync(join(folder, "a/b"), { recursive: true });
    writeFileSync(join(folder, "a/file"), "");
    for (const names of [[], ["a"], ["a", "b"]]) await (await root.descend(names)).close();
    await (await root.descend(["a", "new", "newer"], { durable: true })).close();
    for (const names of [["gone"], ["a", "gone", "x"], ["a", "file", "x"]]) {
      await expect(root.descend(names)).rejects.toThrow(/^ENO(ENT|TDIR)/);
    }
    expect(openDescriptorsIn(folder)).toEqual([folder]);
  },
);

test.skipIf(process.platform !== "linux")(
  "a directory that is removed while it is opened leaves no descriptor open (needs /proc)",
  async () => {
    const { folder } = await openTemporary();
    mkdirSync(join(folder, "gone"));
    const held = openSync(join(folder, "gone"), "r");
    onTestFinished(() => closeSync(held));
    rmdirSync(join(folder, "gone"));
    const before = openDescriptorsIn(folder);
    // It can be opened from its descriptor, and has no path any more.
    await expect(Directory.open(`/proc/self/fd/${held}`)).rejects.toMatchObject({ code: "ENOENT" });
    expect(openDescriptorsIn(folder)).toEqual(before);
  },
);

test("a directory that is closed twice takes nobody else's descriptor away", async () => {
  const { folder } = await openTemporary();
  const directory = await Directory.open(folder);
  await directory.close();
  const fd = openSync(join(folder, "file"), "w");
  expect(fd).toBe(directory.fd);
  await directory.close();
  expect(writeSync(fd, "still open")).toBe(10);
  closeSync(fd);
});
