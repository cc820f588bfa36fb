import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import {
  AlreadyExistsError,
  ConditionFailedError,
  DirectoryNotEmptyError,
  InsufficientStorageError,
  IsDirectoryError,
  NotDirectoryError,
  NotFoundError,
  NotRegularError,
  ParentMissingError,
  RootProtectedError,
} from "./errors.ts";
import { VolumePath } from "./path.ts";
import { StagedFile } from "./staged-file.ts";
import {
  at,
  DEFAULTS,
  namesIn,
  openDescriptorsIn,
  put,
  read,
  stagedIn,
  temporaryFolder,
  temporaryVolume,
} from "./testing/volume.ts";
import { Volume } from "./volume.ts";

const hasMkfifo = spawnSync("mkfifo", ["--version"]).error === undefined;
const byName = { sort: "name", order: "asc", limit: 100 } as const;

describe("opening a volume", () => {
  test("makes its directory when only that is missing", async () => {
    const folder = await temporaryFolder();
    const { volume } = await temporaryVolume({ directory: join(folder, "new") });
    expect(await namesIn(volume)).toEqual([]);
    const directory = join(folder, "missing", "new");
    await expect(Volume.open({ ...DEFAULTS, directory })).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("takes up what is there, through a link of the operator's too", async () => {
    const folder = await temporaryFolder();
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real/file"), "there before");
    symlinkSync("real", join(folder, "mount"));
    const { volume } = await temporaryVolume({ directory: join(folder, "mount") });
    expect((await read(volume, "file")).text).toBe("there before");
  });

  test("works in a folder of any name", async () => {
    const directory = join(await temporaryFolder(), "a b#c?d%41&e='\u4e2d");
    const { volume } = await temporaryVolume({ directory });
    await put(volume, "file", "first");
    await put(volume, "file", "second");
    await volume.remove(at("file"));
    expect(readdirSync(directory)).toEqual([".wharf"]);
    expect(readdirSync(join(directory, ".wharf")).toSorted()).toEqual(["publish.lock", "staging"]);
  });

  test("of a file is an error", async () => {
    const directory = join(await temporaryFolder(), "file");
    writeFileSync(directory, "");
    await expect(Volume.open({ ...DEFAULTS, directory })).rejects.toMatchObject({ code: "ENOTDIR" });
  });

  test("and closing it leaves nothing of this process's, and may be done twice", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "file", "");
    await volume.stage();
    await volume.close();
    await volume.close();
    expect(readdirSync(join(directory, ".wharf/staging"))).toEqual([]);
  });
});

describe("reading", () => {
  test("an open file stays what it was when its name is given to another or removed", async () => {
    const { volume } = await temporaryVolume();
    const { entry } = await put(volume, "file", "first");
    await using file = await volume.openFile(at("file"));
    await put(volume, "file", "second");
    await volume.remove(at("file"));
    expect(readFileSync(file.fd, "utf8")).toBe("first");
    expect(file).toMatchObject({ size: 5, etag: entry.etag, modifiedMs: entry.modifiedMs });
  });

  test("an open file is closed once, however often that is asked", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "file", "content");
    const file = await volume.openFile(at("file"));
    await file.close();
    await using next = await volume.openFile(at("file"));
    expect(next.fd).toBe(file.fd);
    await file.close();
    expect(readFileSync(next.fd, "utf8")).toBe("content");
    expect(existsSync(directory)).toBe(true);
  });

  test("a directory is not a file, and the root is a directory", async () => {
    const { volume } = await temporaryVolume();
    await put(volume, "folder/file", "");
    await expect(volume.openFile(at("folder"))).rejects.toThrow(IsDirectoryError);
    await expect(volume.openFile(VolumePath.root)).rejects.toThrow(IsDirectoryError);
    for (const path of ["folder", "folder/", "/"]) {
      expect(await volume.stat(at(path))).toMatchObject({ type: "directory", size: null, etag: null });
    }
  });

  test.each(["missing", "missing/deep", "file/", "file/below", "file/far/below", "folder/missing"])(
    "nothing is at %s",
    async (path) => {
      const { volume } = await temporaryVolume();
      await put(volume, "file", "");
      await put(volume, "folder/file", "");
      await expect(volume.openFile(at(path))).rejects.toThrow(NotFoundError);
      await expect(volume.stat(at(path))).rejects.toThrow(NotFoundError);
      await expect(volume.list(at(path), byName)).rejects.toThrow(NotFoundError);
      await expect(volume.scan(at(path)).next()).rejects.toThrow(NotFoundError);
      await expect(volume.remove(at(path))).rejects.toThrow(NotFoundError);
    },
  );

  test("links are not there, wherever they lead, and what stands behind them stays", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "folder/file", "kept");
    symlinkSync("folder/file", join(directory, "link"));
    symlinkSync("folder", join(directory, "directory"));
    symlinkSync("/etc", join(directory, "out"));
    symlinkSync("nowhere", join(directory, "dangling"));
    for (const path of [
      "link",
      "directory",
      "directory/file",
      "directory/",
      "out",
      "out/passwd",
      "dangling",
    ]) {
      await expect(volume.openFile(at(path))).rejects.toThrow(NotFoundError);
      await expect(volume.stat(at(path))).rejects.toThrow(NotFoundError);
      await expect(volume.list(at(path), byName)).rejects.toThrow(NotFoundError);
      await expect(volume.remove(at(path), { recursive: true })).rejects.toThrow(NotFoundError);
    }
    expect(readlinkSync(join(directory, "directory"))).toBe("folder");
    expect((await read(volume, "folder/file")).text).toBe("kept");
  });

  test("a socket is not there", async () => {
    const { volume, directory } = await temporaryVolume();
    const server = createServer().listen(join(directory, "socket"));
    onTestFinished(() => void server.close());
    await once(server, "listening");
    await expect(volume.openFile(at("socket"))).rejects.toThrow(NotFoundError);
    await expect(volume.stat(at("socket"))).rejects.toThrow(NotFoundError);
    await expect(volume.remove(at("socket"))).rejects.toThrow(NotFoundError);
  });

  test.skipIf(!hasMkfifo)("a FIFO is not there, and nobody waits for its writer (needs mkfifo)", async () => {
    const { volume, directory } = await temporaryVolume();
    execFileSync("mkfifo", [join(directory, "fifo")]);
    await expect(volume.openFile(at("fifo"))).rejects.toThrow(NotFoundError);
    await expect(volume.stat(at("fifo"))).rejects.toThrow(NotFoundError);
    await expect(volume.remove(at("fifo"))).rejects.toThrow(NotFoundError);
    expect(existsSync(join(directory, "fifo"))).toBe(true);
  });
});

describe("a publication's target", () => {
  test("is the file that has the name, or nothing", async () => {
    const { volume } = await temporaryVolume();
    const { entry } = await put(volume, "folder/file", "");
    expect(await volume.target(at("folder/file"))).toEqual(entry);
    expect(await volume.target(at("folder/free"))).toBeUndefined();
    expect(await volume.target(at("new/folder/free"))).toBeUndefined();
  });

  test("is refused as the publication would refuse it", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "folder/file", "");
    symlinkSync("folder", join(directory, "link"));
    await expect(volume.target(at("folder"))).rejects.toThrow(IsDirectoryError);
    await expect(volume.target(at("free/"))).rejects.toThrow(IsDirectoryError);
    await expect(volume.target(at("link"))).rejects.toThrow(NotRegularError);
    await expect(volume.target(at("link/file"))).rejects.toThrow(NotDirectoryError);
    await expect(volume.target(at("folder/file/below"))).rejects.toThrow(NotDirectoryError);
  });
});

describe("making a directory", () => {
  test("makes one, in either form", async () => {
    const { volume } = await temporaryVolume({ isDurable: true });
    await volume.makeDirectory(at("one"));
    await volume.makeDirectory(at("one/two/"));
    expect(await namesIn(volume, "one")).toEqual(["two"]);
  });

  test("fails where something is, or where there is nothing to stand in", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "file", "");
    symlinkSync("nowhere", join(directory, "link"));
    for (const path of ["file", "file/", "link", "/"]) {
      await expect(volume.makeDirectory(at(path))).rejects.toThrow(AlreadyExistsError);
    }
    for (const path of ["missing/new", "file/new", "link/new"]) {
      await expect(volume.makeDirectory(at(path))).rejects.toThrow(ParentMissingError);
    }
    expect(await namesIn(volume)).toEqual(["file"]);
  });
});

describe("removing", () => {
  test("takes a file, or an empty directory", async () => {
    const { volume } = await temporaryVolume({ isDurable: true });
    await put(volume, "file", "");
    await volume.makeDirectory(at("one"));
    await volume.makeDirectory(at("two"));
    await volume.remove(at("file"));
    await volume.remove(at("one"));
    await volume.remove(at("two/"));
    expect(await namesIn(volume)).toEqual([]);
  });

  test("takes a full directory only when that was asked for, and leaves nothing staged", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "folder/deep/file", "");
    await expect(volume.remove(at("folder"))).rejects.toThrow(DirectoryNotEmptyError);
    expect(await namesIn(volume, "folder/deep")).toEqual(["file"]);
    await volume.remove(at("folder"), { recursive: true });
    expect(await namesIn(volume)).toEqual([]);
    expect(await stagedIn(directory)).toEqual([]);
  });

  test("of a file takes the file, also when a tree was asked for", async () => {
    const { volume } = await temporaryVolume();
    await put(volume, "file", "");
    await volume.remove(at("file"), { recursive: true });
    expect(await namesIn(volume)).toEqual([]);
  });

  test("never takes the root", async () => {
    const { volume } = await temporaryVolume();
    await put(volume, "file", "");
    await expect(volume.remove(VolumePath.root, { recursive: true })).rejects.toThrow(RootProtectedError);
    expect(await namesIn(volume)).toEqual(["file"]);
  });

  test("judges a condition against the current version", async () => {
    const { volume } = await temporaryVolume();
    const { entry } = await put(volume, "file", "");
    const isOther = { condition: ({ etag }: { etag: string | null }) => etag === '"other"' };
    const isCurrent = { condition: ({ etag }: { etag: string | null }) => etag === entry.etag };
    await expect(volume.remove(at("file"), isOther)).rejects.toThrow(ConditionFailedError);
    expect(await namesIn(volume)).toEqual(["file"]);
    await volume.remove(at("file"), isCurrent);
    expect(await namesIn(volume)).toEqual([]);
  });

  test("follows no link inside the tree", async () => {
    const { volume, directory } = await temporaryVolume();
    const outside = await temporaryFolder();
    writeFileSync(join(outside, "kept"), "");
    await put(volume, "folder/file", "");
    symlinkSync(outside, join(directory, "folder/link"));
    await volume.remove(at("folder"), { recursive: true });
    expect(readdirSync(outside)).toEqual(["kept"]);
  });

  test("takes a tree away also when this process's staging folder is gone", async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "folder/file", "");
    execFileSync("rm", ["-r", join(directory, ".wharf")]);
    await volume.remove(at("folder"), { recursive: true });
    expect(await namesIn(volume)).toEqual([]);
  });
});

test.skipIf(process.platform !== "linux")(
  "nothing that is asked of a volume leaves a descriptor open, whether it works or not (needs /proc)",
  async () => {
    const { volume, directory } = await temporaryVolume();
    await put(volume, "folder/file", "first");
    await put(volume, "folder/file", "second");
    const before = openDescriptorsIn(directory);
    for (const path of [
      "folder/file",
      "folder",
      "folder/",
      "/",
      "missing",
      "missing/file",
      "folder/file/below",
    ]) {
      await Promise.allSettled([
        read(volume, path),
        volume.stat(at(path)),
        volume.target(at(path)),
        namesIn(volume, path),
        scanned(volume, path),
        put(volume, path, "x", {}),
        put(volume, path, "x", { replace: true }),
        volume.makeDirectory(at(path)),
        volume.check(),
        volume.partials.continueFrom("one", "missing", 1),
      ]);
    }
    for await (const batch of volume.scan(VolumePath.root)) if (batch.length > 0) break;
    for (let sweep = 0; sweep < 5; sweep++) await volume.sweep();
    await volume.remove(at("folder"), { recursive: true });
    expect(openDescriptorsIn(directory)).toEqual(before);
  },
);

test.skipIf(process.platform !== "linux")(
  "a staging file that cannot be looked at is closed and removed (needs /proc)",
  async () => {
    const { volume, directory } = await temporaryVolume();
    await volume.check();
    const before = openDescriptorsIn(directory);
    const broken = Object.assign(new Error("broken disk"), { code: "EIO" });
    const adopt = vi.spyOn(StagedFile, "adopt").mockRejectedValueOnce(broken);
    onTestFinished(() => adopt.mockRestore());
    await expect(volume.stage()).rejects.toMatchObject({ code: "VOLUME_UNAVAILABLE", cause: broken });
    expect(openDescriptorsIn(directory)).toEqual(before);
    expect(await stagedIn(directory)).toEqual([]);
  },
);

describe("a path of 4,096 bytes", () => {
  test.each([
    ["16 names of 255 bytes", Array<string>(16).fill("s".repeat(255)).join("/")],
    ["2,048 names of one", Array<string>(2048).fill("s").join("/")],
    ["16 names of 85 characters of three bytes", Array<string>(16).fill("\u4e2d".repeat(85)).join("/")],
  ])("of %s can be written, read, listed and removed", async (_, text) => {
    const { volume, directory } = await temporaryVolume();
    const path = at(text);
    const { entry } = await put(volume, text, "deep");
    expect(await read(volume, text)).toEqual({ text: "deep", etag: entry.etag });
    expect((await volume.list(path.parent, byName)).entries).toEqual([entry]);
    await volume.remove(path);
    await volume.remove(at(path.segments[0] ?? ""), { recursive: true });
    expect(await namesIn(volume)).toEqual([]);
    expect(await stagedIn(directory)).toEqual([]);
  });
});

describe("free space", () => {
  test("below the floor nothing more is written, and the check says so", async () => {
    const { volume, directory } = await temporaryVolume({ minFreeBytes: Number.MAX_SAFE_INTEGER });
    await expect(volume.requireSpace(0)).rejects.toThrow(InsufficientStorageError);
    await expect(volume.check()).rejects.toThrow(InsufficientStorageError);
    {
      await using file = await volume.stage();
      const sink = file.sink();
      sink.push(Buffer.from("x"));
      await expect(sink.flush()).rejects.toThrow(InsufficientStorageError);
    }
    expect(await stagedIn(directory)).toEqual([]);
  });

  test("is what the system says, and the floor leaves the rest", async () => {
    const { volume } = await temporaryVolume();
    const free = await volume.freeBytes();
    expect(free).toBeGreaterThan(0);
    await expect(volume.requireSpace(free * 2)).rejects.toThrow(InsufficientStorageError);
    await volume.requireSpace(0);
    await volume.check();
  });
});

async function scanned(volume: Volume, path: string): Promise<number> {
  let count = 0;
  for await (const batch of volume.scan(at(path))) count += batch.length;
  return count;
}
