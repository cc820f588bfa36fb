import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { sha256File, writeNoise } from "./harness/content.ts";
import { startCountingOrigin, type CountingOrigin } from "./harness/counting-origin.ts";
import { download, submit, type Download } from "./harness/downloads.ts";
import { useFolder } from "./harness/folder.ts";
import { json } from "./harness/http.ts";
import { describeWith, freeSpace, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { seededRandom } from "./harness/random.ts";
import { startService, type Service } from "./harness/service.ts";

const GIB = 2 ** 30;
const KILLS = 10;
const LIMIT_MS = 240_000;

describeWith("a download of 1 GiB whose downloader is killed ten times", [ownServices, freeSpace(5)], () => {
  const source = useFolder();
  let origin: CountingOrigin;
  let hash = "";
  beforeAll(async () => {
    hash = await writeNoise(join(source.path, "big.bin"), GIB, "ten kills");
    origin = await startCountingOrigin();
  });
  afterAll(() => origin.close());

  bringsIt("on as many connections as is usual", {});
  bringsIt("on one connection", { segments: 1 });

  function bringsIt(name: string, options: { readonly segments?: number }): void {
    describeWith(name, [], () => {
      const volume = useFolder();
      let downloader: Service;
      const start = (): Promise<Service> =>
        startService("downloader", {
          VOLUME_DIR: volume.path,
          ALLOW_NETWORKS: "127.0.0.0/8",
          ALLOW_PORTS: "*",
          LEASE_MS: "1000",
        });
      beforeAll(async () => {
        downloader = await start();
      });
      afterAll(() => downloader.end("SIGKILL"));

      it("fetches less than 1.05 GiB in all", { timeout: LIMIT_MS }, async () => {
        const random = seededRandom(GIB);
        const served = { file: join(source.path, "big.bin"), etag: '"1"', bytesPerSecond: 50e6 };
        const counted = origin.serve(`/${options.segments ?? "default"}/big.bin`, served);
        const answer = await submit(downloader.url, { url: counted.url, ...options });
        expect(answer.status).toBe(201);
        const { id } = json(answer) as Download;
        for (let kill = 0; kill < KILLS; kill++) {
          const at = counted.sent + ((0.4 + 0.5 * random()) / KILLS) * GIB;
          await until(`${Math.round(at)} bytes were sent`, () => counted.sent >= at, LIMIT_MS / 4);
          await downloader.end("SIGKILL");
          downloader = await start();
        }
        await until(
          "it has ended",
          async () => ["completed", "failed"].includes((await download(downloader.url, id)).state),
          LIMIT_MS / 2,
        );
        expect(await download(downloader.url, id)).toMatchObject({ state: "completed", error: null });
        expect(await sha256File(join(volume.path, "big.bin"))).toBe(hash);
        console.info({ name, gibibytesSent: counted.sent / GIB, requests: counted.requests.length });
        expect(counted.requests.length).toBeGreaterThan(KILLS);
        expect(counted.sent).toBeGreaterThanOrEqual(GIB);
        expect(counted.sent / GIB).toBeLessThan(1.05);
      });
    });
  }
});
