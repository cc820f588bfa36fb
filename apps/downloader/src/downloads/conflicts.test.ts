import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { beforeEach, expect, test, vi } from "vitest";

import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";

beforeEach(() => {
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  return () => random.mockRestore();
});

async function startBoth() {
  const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(100)));
  const downloader = await startDownloader();
  return { url: `${origin.url}/a.tar.gz`, origin, downloader };
}

test("a taken name is numbered before its extension", async () => {
  const { url, downloader } = await startBoth();
  await writeFile(join(downloader.directory, "a.tar.gz"), "mine");
  await mkdir(join(downloader.directory, "a (1).tar.gz"));
  expect((await downloader.fetch({ url })).file).toEqual({
    path: "/a (2).tar.gz",
    url: "/files/a%20(2).tar.gz",
  });
  expect((await downloader.read("a.tar.gz")).toString()).toBe("mine");
});

test("with fail, a taken name fails before the body is fetched", async () => {
  const { url, downloader } = await startBoth();
  await writeFile(join(downloader.directory, "a.tar.gz"), "mine");
  expect(await downloader.fetch({ url, onConflict: "fail" })).toMatchObject({
    state: "failed",
    attempts: 1,
    bytes: 0,
    error: { code: "ALREADY_EXISTS" },
  });
  expect((await downloader.read("a.tar.gz")).toString()).toBe("mine");
  expect(await downloader.partials()).toEqual([]);
});

test("with fail, a name that is taken meanwhile is not replaced either", async () => {
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, bytesOf(4000), { slowly: { bytes: 1000, everyMs: 400 } }),
  );
  const downloader = await startDownloader();
  const { id } = await downloader.submit({ url: `${origin.url}/a`, onConflict: "fail" });
  await downloader.until(id, ({ bytes, total }) => bytes > 0 || total !== null);
  await writeFile(join(downloader.directory, "a"), "mine");
  expect(await downloader.until(id, ({ state }) => state === "failed")).toMatchObject({
    error: { code: "ALREADY_EXISTS" },
  });
  expect((await downloader.read("a")).toString()).toBe("mine");
});

test("with overwrite, the file is replaced", async () => {
  const { url, downloader } = await startBoth();
  await writeFile(join(downloader.directory, "a.tar.gz"), "mine");
  expect((await downloader.fetch({ url, onConflict: "overwrite" })).file?.path).toBe("/a.tar.gz");
  expect(await downloader.read("a.tar.gz")).toEqual(bytesOf(100));
  expect(await downloader.names()).toEqual(["a.tar.gz"]);
});

test("with overwrite, a directory is left alone", async () => {
  const { url, downloader } = await startBoth();
  await mkdir(join(downloader.directory, "a.tar.gz"));
  expect(await downloader.fetch({ url, onConflict: "overwrite" })).toMatchObject({
    state: "failed",
    error: { code: "IS_DIRECTORY" },
  });
});

test("a path through a file fails", async () => {
  const { url, downloader } = await startBoth();
  await writeFile(join(downloader.directory, "file"), "");
  expect(await downloader.fetch({ url, path: "/file/below" })).toMatchObject({
    state: "failed",
    attempts: 1,
    error: { code: "NOT_A_DIRECTORY" },
  });
});

test("of many downloads of one name each has a name of its own", async () => {
  const { url, downloader } = await startBoth();
  const requests = Array.from({ length: 30 }, () => ({ url }));
  await downloader.ask("POST", "/downloads", requests);
  await vi.waitFor(async () => expect(await downloader.names()).toHaveLength(30), 10_000);
  const numbered = Array.from({ length: 29 }, (_, n) => `a (${n + 1}).tar.gz`);
  expect(await downloader.names()).toEqual(["a.tar.gz", ...numbered].toSorted());
});

test("a disk below its floor is tried again, not filled", async () => {
  const { url } = await startBoth();
  const downloader = await startDownloader({ MIN_FREE_BYTES: "1000T", MAX_ATTEMPTS: "2" });
  expect(await downloader.fetch({ url })).toMatchObject({
    state: "failed",
    attempts: 2,
    error: { code: "INSUFFICIENT_STORAGE" },
  });
  expect(await downloader.names()).toEqual([]);
});
