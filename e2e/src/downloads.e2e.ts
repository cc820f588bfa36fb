import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { sha256, sha256File, writeNoise } from "./harness/content.ts";
import { allDownloads, submit, type Download, type Result } from "./harness/downloads.ts";
import { useFolder } from "./harness/folder.ts";
import { json, segment, send } from "./harness/http.ts";
import { listPages } from "./harness/listing.ts";
import { describeWith, freeSpace, ownServices, program } from "./harness/needs.ts";
import { startNginx, type Origin } from "./harness/nginx.ts";
import { inParallel, until } from "./harness/pace.ts";
import { realTree } from "./harness/real-files.ts";
import { curlHash } from "./harness/run.ts";
import { startService, type Service } from "./harness/service.ts";

const COUNT = 300;
const KILLS = 10;
const BETWEEN_KILLS_MS = 4_000;
const LIMIT_MS = 300_000;

const tree = await realTree(3_000);
const noTree = tree ? undefined : "needs 3,000 files below /usr/share";
const needs = [ownServices, program("nginx"), program("curl"), freeSpace(4), noTree];

describeWith("a downloader that is killed ten times while it brings 300 files", needs, () => {
  const folder = useFolder();
  const volume = useFolder();
  let origin: Origin;
  let downloader: Service;
  let fileserver: Service;
  const expected = new Map<string, { source: string; sha256: string; modified: string }>();

  const start = (): Promise<Service> =>
    startService("downloader", {
      VOLUME_DIR: volume.path,
      ALLOW_NETWORKS: "127.0.0.0/8",
      ALLOW_PORTS: "*",
      LEASE_MS: "2000",
    });

  beforeAll(async () => {
    origin = await startNginx([
      { path: "/files/", folder: `${tree?.root ?? ""}/`, rate: "50k" },
      // Of each connection: the transfer is to outlast the kills.
      { path: "/big/", folder: `${folder.path}/`, rate: "5m" },
    ]);
    downloader = await start();
    fileserver = await startService("fileserver", { VOLUME_DIR: volume.path });
    await writeNoise(join(folder.path, "big.bin"), 2 ** 30, "big");
    await expectFile("big.bin", join(folder.path, "big.bin"), `${origin.url}/big/big.bin`);
    for (const path of tree?.files ?? []) {
      if (expected.size === COUNT) break;
      const full = join(tree?.root ?? "", path);
      const { size } = await stat(full);
      if (size < 1_000 || size > 300_000) continue;
      const url = `${origin.url}/files/${path.split("/").map(segment).join("/")}`;
      await expectFile(`${expected.size} ${basename(path)}`, full, url);
    }
  });
  afterAll(async () => {
    await Promise.all([downloader, fileserver].map((service) => service.end("SIGKILL")));
    await origin.close();
  });

  async function expectFile(name: string, path: string, source: string): Promise<void> {
    const modified = new Date(Math.floor((await stat(path)).mtimeMs / 1000) * 1000).toUTCString();
    expected.set(name, { source, sha256: await sha256File(path), modified });
  }

  it(`loses none and doubles none, and completes all`, { timeout: LIMIT_MS }, async () => {
    const wanted = [...expected].map(([filename, { source }]) => ({
      url: source,
      filename,
      path: "/fetched/",
    }));
    expect(wanted.length).toBe(COUNT);
    const answer = await submit(downloader.url, wanted);
    expect(answer.status).toBe(200);
    const { results } = json(answer) as { results: Result[] };
    expect(results.map(({ status }) => status)).toEqual(wanted.map(() => 201));

    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(BETWEEN_KILLS_MS);
      await downloader.end("SIGKILL");
      downloader = await start();
      const ongoing = (await allDownloads(downloader.url)).filter(({ state }) => state !== "completed");
      expect(ongoing.length).toBeGreaterThan(0);
    }

    let downloads: Download[] = [];
    await until(
      "all have ended",
      async () => {
        downloads = await allDownloads(downloader.url);
        return downloads.every(({ state }) => ["completed", "failed", "canceled"].includes(state));
      },
      LIMIT_MS / 2,
    );
    expect(downloads.filter(({ state }) => state !== "completed")).toEqual([]);
    expect(downloads.map(({ filename }) => filename ?? "").toSorted()).toEqual(
      [...expected.keys()].toSorted(),
    );
    expect(downloads.map(({ id }) => id).toSorted()).toEqual(
      results.map(({ download }) => download?.id ?? "").toSorted(),
    );
  });

  it("leaves exactly the files, served with their bytes and modification times", async () => {
    const directory = `${fileserver.url}/files/fetched/`;
    expect((await listPages(directory)).map(({ name }) => name)).toEqual([...expected.keys()].toSorted());
    expect((await listPages(`${fileserver.url}/files/`)).map(({ name }) => name)).toEqual(["fetched"]);
    await inParallel([...expected], 4, async ([name, { sha256: hash, modified }]) => {
      const url = directory + segment(name);
      const head = await send("HEAD", url);
      const read = name === "big.bin" ? (await curlHash(url)).sha256 : sha256((await send("GET", url)).body);
      const seen = { name, status: head.status, hash: read, modified: head.headers["last-modified"] };
      expect(seen).toEqual({ name, status: 200, hash, modified });
    });
  });

  it("leaves nothing behind in staging", async () => {
    const partial = join(volume.path, ".wharf", "partial");
    await until("partial files are gone", async () => (await readdir(partial)).length === 0);
    expect(await readdir(partial)).toEqual([]);
  });
});
