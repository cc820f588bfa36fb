import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { sha256, sha256File } from "./harness/content.ts";
import { allDownloads, submit, type Download } from "./harness/downloads.ts";
import { useFolder } from "./harness/folder.ts";
import { json, segment, send } from "./harness/http.ts";
import { listPages } from "./harness/listing.ts";
import { describeWith, ownServices, program } from "./harness/needs.ts";
import { startNginx, type Origin } from "./harness/nginx.ts";
import { inParallel, until } from "./harness/pace.ts";
import { realTree } from "./harness/real-files.ts";
import { startService, type Service } from "./harness/service.ts";

const COUNT = 120;

const tree = await realTree(3_000);
const noTree = tree ? undefined : "needs 3,000 files below /usr/share";

describeWith(
  "three downloaders on one volume, two of which are killed and never come back",
  [ownServices, program("nginx"), noTree],
  () => {
    const volume = useFolder();
    let origin: Origin;
    let downloaders: Service[] = [];
    let fileserver: Service;
    const sources = new Map<string, { url: string; sha256: string }>();

    beforeAll(async () => {
      origin = await startNginx([{ path: "/files/", folder: `${tree?.root ?? ""}/`, rate: "20k" }]);
      const env = {
        VOLUME_DIR: volume.path,
        ALLOW_NETWORKS: "127.0.0.0/8",
        ALLOW_PORTS: "*",
        LEASE_MS: "2000",
      };
      const start = (): Promise<Service> => startService("downloader", { ...env, MAX_ACTIVE: "4" });
      downloaders = await Promise.all([start(), start(), start()]);
      fileserver = await startService("fileserver", { VOLUME_DIR: volume.path });
      for (const path of tree?.files ?? []) {
        if (sources.size === COUNT) break;
        const full = join(tree?.root ?? "", path);
        const { size } = await stat(full);
        if (size < 5_000 || size > 100_000) continue;
        const url = `${origin.url}/files/${path.split("/").map(segment).join("/")}`;
        sources.set(`${sources.size} ${basename(path)}`, { url, sha256: await sha256File(full) });
      }
    });
    afterAll(async () => {
      await Promise.all([...downloaders, fileserver].map((service) => service.end("SIGKILL")));
      await origin.close();
    });

    it("bring every file once, and each of them tells of all", async () => {
      // Each is given a third; all share the work.
      const names = [...sources.keys()];
      for (const [n, { url: downloader }] of downloaders.entries()) {
        const third = names.filter((_, index) => index % downloaders.length === n);
        const wanted = third.map((filename) => ({ url: sources.get(filename)?.url, filename }));
        expect((await submit(downloader, wanted)).status).toBe(200);
      }
      const [first, second, last] = downloaders;
      for (const service of [first, second]) {
        await sleep(2_000);
        await service?.end("SIGKILL");
      }
      let downloads: Download[] = [];
      await until(
        "all have ended",
        async () => {
          downloads = await allDownloads(last?.url ?? "");
          return downloads.every(({ state }) => ["completed", "failed", "canceled"].includes(state));
        },
        90_000,
      );
      expect(downloads.filter(({ state }) => state !== "completed")).toEqual([]);
      expect(downloads.map(({ filename }) => filename ?? "").toSorted()).toEqual(names.toSorted());

      expect((await listPages(`${fileserver.url}/files/`)).map(({ name }) => name)).toEqual(names.toSorted());
      await inParallel(names, 4, async (name) => {
        const { body } = await send("GET", `${fileserver.url}/files/${segment(name)}`);
        expect({ name, sha256: sha256(body) }).toEqual({ name, sha256: sources.get(name)?.sha256 });
      });
      await until(
        "partial files are gone",
        async () => (await readdir(join(volume.path, ".wharf", "partial"))).length === 0,
      );
    });

    it("at the same moment under one name gives each a name of its own", async () => {
      const [, { url } = { url: "" }] = [...sources][0] ?? [];
      const last = downloaders.at(-1)?.url ?? "";
      const wanted = Array.from({ length: 8 }, () => ({ url, filename: "same.bin", path: "/same/" }));
      expect((await submit(last, wanted)).status).toBe(200);
      await until(
        "all have ended",
        async () => {
          const { downloads } = json(await send("GET", `${last}/downloads?limit=8`)) as {
            downloads: Download[];
          };
          return downloads.every(({ state }) => state === "completed");
        },
        60_000,
      );
      const names = (await listPages(`${fileserver.url}/files/same/`)).map(({ name }) => name);
      expect(names).toEqual([...Array.from({ length: 7 }, (_, n) => `same (${n + 1}).bin`), "same.bin"]);
    });
  },
);
