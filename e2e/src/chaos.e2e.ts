import { mkdir, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { Chaos } from "./harness/chaos.ts";
import { sha256File, writeNoise } from "./harness/content.ts";
import { useFolder } from "./harness/folder.ts";
import { describeWith, freeSpace, linux, ownServices, program } from "./harness/needs.ts";
import { startNginx, type Origin } from "./harness/nginx.ts";
import { inParallel } from "./harness/pace.ts";
import type { Postgres, Shutdown } from "./harness/postgres.ts";
import { normal, seededRandom } from "./harness/random.ts";
import { Replicas } from "./harness/replicas.ts";
import { startResetProxy, type ResetProxy } from "./harness/reset-proxy.ts";
import { replicaEnvironment, storeKinds, type StoreKind } from "./harness/stores.ts";

const COUNT = 2_000;
const MAX_BYTES = 64 << 20;
const MEDIAN_BYTES = 64 << 10;
/** Half of them are submitted at once, the others in so many parts while the first are brought. */
const LATER_PARTS = 20;
const SEED = 20_261_123;
const LIMIT_MS = 480_000;

const NONE = { queued: 0, running: 0, paused: 0, completed: 0, failed: 0, canceled: 0 };

/** Sizes from nothing to 64 MiB, of which most are small and a few make up most of the bytes. */
function makeSizes(): number[] {
  const random = seededRandom(SEED);
  return Array.from({ length: COUNT }, (_, n) => {
    if (n % 100 === 0) return 0;
    if (n % 500 === 1) return MAX_BYTES;
    return Math.min(MAX_BYTES, Math.round(MEDIAN_BYTES * Math.exp(2.2 * normal(random))));
  });
}

const nameOf = (n: number): string => `${n.toString().padStart(4, "0")}.bin`;

const needs = [ownServices, linux, program("nginx"), freeSpace(8)];

describeWith("three downloaders, one of which is killed or put to sleep every three seconds", needs, () => {
  const sources = useFolder();
  const expected = new Map<string, string>();
  let origin: Origin;

  beforeAll(async () => {
    await inParallel(makeSizes(), 8, async (bytes, n) => {
      expected.set(nameOf(n), await writeNoise(join(sources.path, nameOf(n)), bytes, `chaos ${n}`));
    });
    origin = await startNginx([{ path: "/files/", folder: `${sources.path}/` }]);
  }, LIMIT_MS);
  afterAll(() => origin.close());

  for (const kind of storeKinds) bringsAll(`on ${kind.name}`, kind, []);
  for (const kind of storeKinds.filter(({ name }) => name === "Postgres")) {
    bringsAll("on Postgres, which is restarted twice", kind, ["immediate", "fast"]);
  }

  function bringsAll(name: string, kind: StoreKind, restarts: readonly Shutdown[]): void {
    describeWith(name, [kind.need], () => {
      const volume = useFolder();
      const random = seededRandom(SEED);
      const opened = new AsyncDisposableStack();
      let database: Postgres | undefined;
      let proxy: ResetProxy;
      let replicas: Replicas;

      beforeAll(async () => {
        database = await kind.startDatabase();
        opened.defer(() => database?.close());
        proxy = await startResetProxy(origin.url, { share: 0.05, seed: SEED, bytesPerSecond: 20e6 });
        opened.defer(() => proxy.close());
        replicas = await Replicas.start(3, replicaEnvironment(volume.path, 3_000, database), random);
        opened.defer(() => replicas.close());
      });
      afterAll(() => opened.disposeAsync());

      /** Repeated until a replica has answered, and made once all the same. */
      async function submit(names: readonly string[]): Promise<void> {
        const wanted = names.map((file) => ({ url: `${proxy.url}/files/${file}`, path: "/fetched/" }));
        const headers = { "idempotency-key": `chaos-${names[0]}` };
        const { status, body } = await replicas.request("POST", "/downloads", wanted, headers);
        expect({ status, body }).toMatchObject({ status: 200 });
      }

      async function submitAll(): Promise<void> {
        const names = [...expected.keys()].toSorted();
        const half = COUNT / 2;
        for (let n = 0; n < half; n += 250) await submit(names.slice(n, n + 250));
        const part = half / LATER_PARTS;
        for (let n = half; n < COUNT; n += part) {
          await sleep(2_000);
          await submit(names.slice(n, n + part));
        }
      }

      async function restartAll(): Promise<void> {
        for (const how of restarts) {
          await sleep(20_000);
          await database?.restart(how, 2_000);
        }
      }

      const counts = async (): Promise<Record<string, number>> =>
        ((await replicas.request("GET", "/stats")).body as { states: Record<string, number> }).states;

      it("completes all of them", { timeout: LIMIT_MS }, async () => {
        await mkdir(join(volume.path, "fetched"), { recursive: true });
        const chaos = new Chaos(replicas, { everyMs: 3_000, asleepMs: 30_000, maxAsleep: 2, random });
        let states: Record<string, number> = {};
        const watch = async (): Promise<void> => {
          const deadline = performance.now() + LIMIT_MS - 60_000;
          while (states["completed"] !== COUNT && performance.now() < deadline) {
            await sleep(1_000);
            states = await counts();
            const { failed = 0, canceled = 0 } = states;
            if (failed + canceled > 0) break; // such an end is for good
          }
        };
        try {
          await Promise.all([submitAll(), restartAll(), watch()]);
        } finally {
          await chaos.end();
        }
        const { kills, sleeps } = chaos;
        const { resets, exchanges } = await proxy.counts();
        console.info({ name, kills, sleeps, resets, exchanges, failedStarts: replicas.failedStarts, states });
        const { body } = await replicas.request("GET", "/downloads?state=failed&limit=5");
        expect(body).toMatchObject({ downloads: [] });
        expect(await counts()).toEqual({
          ...NONE,
          completed: COUNT,
        });
        expect(replicas.crashes).toEqual([]);
        // It was as bad as it was meant to be.
        expect(kills + sleeps).toBeGreaterThanOrEqual(20);
        expect(Math.min(kills, sleeps)).toBeGreaterThan(0);
        expect(resets).toBeGreaterThanOrEqual(COUNT / 40);
      });

      it("publishes each once, with its bytes", { timeout: 120_000 }, async () => {
        const folder = join(volume.path, "fetched");
        expect((await readdir(folder)).toSorted()).toEqual([...expected.keys()].toSorted());
        expect((await readdir(volume.path)).toSorted()).toEqual([".wharf", "fetched"]);
        await inParallel([...expected], 4, async ([file, hash]) => {
          expect({ file, hash: await sha256File(join(folder, file)) }).toEqual({ file, hash });
        });
      });

      it("leaves nothing in staging", { timeout: 60_000 }, async () => {
        // What a sleeper has left behind after it was taken over is swept at a start, or in time.
        await replicas.replace(0);
        await expect.poll(() => stagedFiles(volume.path), { timeout: 30_000, interval: 500 }).toEqual([]);
      });
    });
  }
});

/** The files that processes have not published, without the locks by which they tell that they live. */
async function stagedFiles(volume: string): Promise<string[]> {
  const entries = await readdir(join(volume, ".wharf"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".lock"))
    .map(({ parentPath, name }) => relative(join(volume, ".wharf"), join(parentPath, name)))
    .filter((path) => /^(?:partial|staging)\//.test(path));
}
