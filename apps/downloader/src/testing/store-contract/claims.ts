import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { newDownload } from "../new-download.ts";
import { LEASE_MS, POINT, type Open } from "./fixture.ts";

/** Who gets which download, and when. */
export function testClaims(open: Open): void {
  describe("a claim", () => {
    test("takes the highest priority, then the oldest, and each only once", async () => {
      const fixture = await open();
      const replicas = [fixture.store, await fixture.again()] as const;
      for (const [filename, priority] of [
        ["c", 0],
        ["d", 0],
        ["a", 9],
        ["e", -1],
        ["b", 9],
      ] as const) {
        await fixture.insert({ filename, priority });
      }
      const order: (string | null | undefined)[] = [];
      for (let n = 0; n < 6; n++) {
        const claim = await replicas[n % 2 ? 1 : 0].claim({ worker: "x", leaseMs: LEASE_MS, busyHosts: [] });
        order.push(claim?.download.filename);
      }
      expect(order).toEqual(["a", "b", "c", "d", "e", undefined]);
    });

    test("starts a download: state, attempt, epoch, time", async () => {
      const fixture = await open();
      await fixture.insert();
      const claim = await fixture.claim();
      expect(claim?.download).toMatchObject({ state: "running", attempts: 1, epoch: 1 });
      expect(claim?.download.startedAt).not.toBeNull();
      expect(claim?.isTakenOver).toBe(false);
    });

    test("brings the hashes of the pieces, and nothing else does", async () => {
      const fixture = await open();
      const { store } = fixture;
      const pieces = { algorithm: "sha-256", length: 1024, hashes: ["aa", "bb"] };
      const id = await fixture.insert({ pieces, webhook: "https://hook.example/" });
      const claimed = await fixture.claimed();
      expect(claimed.pieces).toEqual(pieces);
      await fixture.store.fail(claimed, { code: "X", detail: "x" });
      const [entry] = await store.changes({ revision: 0, sequence: 0 }, 1);
      const others = [
        await store.get(id),
        (await store.list({ limit: 1 })).downloads[0],
        entry && "download" in entry ? entry.download : undefined,
        (await store.claimWebhook(LEASE_MS))?.download,
        await store.change(id, { state: "queued" }),
      ];
      for (const download of others) {
        expect(download?.id).toBe(id);
        expect(download).not.toHaveProperty("pieces");
      }
    });

    test("leaves what is not due, and hosts that are busy", async () => {
      const fixture = await open();
      await fixture.insert({ notBefore: Date.now() + 60_000, priority: 5 });
      await fixture.insert({ host: "busy.example" });
      const free = await fixture.insert({ host: "free.example" });
      expect((await fixture.claim(["busy.example", "x"]))?.download.id).toBe(free);
      expect(await fixture.claim(["busy.example"])).toBeUndefined();
      expect(await fixture.claim(["busy.example", "free.example"])).toBeUndefined();
    });

    test("finds what is behind any number of busy hosts' downloads, the most urgent first", async () => {
      const fixture = await open();
      const blocked = Array.from({ length: 900 }, (_, n) =>
        newDownload({ host: `busy${n % 3}.example`, priority: 9 }),
      );
      await fixture.store.insert(blocked);
      const late = await fixture.insert({ host: "z.example", priority: 1 });
      const early = await fixture.insert({ host: "a.example", priority: 2 });
      const busy = ["busy0.example", "busy1.example", "busy2.example"];
      expect((await fixture.claim(busy))?.download.id).toBe(early);
      expect((await fixture.claim(busy))?.download.id).toBe(late);
      expect(await fixture.claim(busy)).toBeUndefined();
      expect((await fixture.claim(busy.slice(1)))?.download.host).toBe("busy0.example");
    });

    test("takes what has become due by its priority, like all else", async () => {
      const fixture = await open();
      const notBefore = Date.now() + 60_000;
      const low = await fixture.insert({ notBefore, priority: 1 });
      const high = await fixture.insert({ notBefore: notBefore + 1, priority: 3 });
      const middle = await fixture.insert({ priority: 2 });
      await fixture.makeDue();
      const order = [await fixture.claimed(), await fixture.claimed(), await fixture.claimed()];
      expect(order.map(({ id }) => id)).toEqual([high, middle, low]);
      expect(order.map((download) => download.notBefore)).toEqual([null, null, null]);
    });

    test("tells since when it could have been made", async () => {
      const fixture = await open();
      const { store } = fixture;
      const dueAt = async (): Promise<number | undefined> => (await fixture.claim())?.dueAt;
      const plain = await fixture.running();
      await store.release(plain);
      expect(await dueAt()).toBe(plain.createdAt);

      const notBefore = Date.now() + 200;
      await fixture.insert({ notBefore });
      const [overdue] = await store.insert([newDownload({ notBefore: 5, priority: -1 })]);
      await sleep(notBefore - Date.now() + 100);
      expect(await dueAt()).toBe(notBefore);
      expect(await dueAt()).toBe(overdue?.createdAt);

      const [resumed] = await store.insert([newDownload()]);
      await store.change(resumed?.id ?? "", { state: "paused" });
      await sleep(50);
      await store.change(resumed?.id ?? "", { state: "queued" });
      expect(await dueAt()).toBeGreaterThanOrEqual((resumed?.createdAt ?? Infinity) + 40);
    });

    test("is fair: the owner with the fewest running is next, and within an owner the most urgent", async () => {
      const fixture = await open();
      await fixture.insertFor("a", { priority: 9 }, { priority: 9 }, { priority: 9 }, { priority: 9 });
      await fixture.insertFor("b", { priority: 1 }, { priority: 2 });
      await fixture.insertFor("c", { priority: 5 });
      const owners: string[] = [];
      for (let n = 0; n < 7; n++) {
        const { owner, priority } = await fixture.claimed();
        owners.push(`${owner}${priority}`);
      }
      expect(owners).toEqual(["a9", "c5", "b2", "a9", "b1", "a9", "a9"]);
    });

    test("does not count what an owner's dead workers had", async () => {
      const fixture = await open();
      await fixture.insertFor("a", { host: "dead.example" }, { host: "dead.example" });
      await fixture.claimed();
      await fixture.claimed();
      await fixture.expire();
      await fixture.insertFor("b", {}, {});
      await fixture.insertFor("a", {});
      const order = [];
      for (let n = 0; n < 3; n++) order.push((await fixture.claim(["dead.example"]))?.download.owner);
      expect(order).toEqual(["b", "a", "b"]);
    });

    test("takes over once a lease has run out, and not before", async () => {
      const fixture = await open();
      await fixture.insert();
      const first = await fixture.store.claim({ worker: "x", leaseMs: 1_500, busyHosts: [] });
      expect(await fixture.claim()).toBeUndefined();
      await sleep(1_550);
      const second = await fixture.claim();
      expect(second?.isTakenOver).toBe(true);
      expect(second?.download).toMatchObject({
        id: first?.download.id,
        epoch: 2,
        attempts: 2,
        speed: 0,
        connections: 0,
        resume: { failures: 1 },
      });
    });

    test("takes nothing over of a busy host", async () => {
      const fixture = await open();
      await fixture.running({ host: "busy.example" });
      await fixture.expire();
      expect(await fixture.claim(["busy.example"])).toBeUndefined();
      expect(await fixture.claim()).toBeDefined();
    });

    test("does not take over what is renewed", async () => {
      const fixture = await open();
      await fixture.insert();
      const claim = await fixture.store.claim({ worker: "x", leaseMs: 1_500, busyHosts: [] });
      if (!claim) throw new Error("nothing was claimed");
      for (let n = 0; n < 4; n++) {
        await sleep(400);
        const progress = { bytes: n, total: 9, speed: 3, connections: 2 };
        expect((await fixture.store.renew(new Map([[claim.download, progress]]), 1_500)).size).toBe(1);
        expect(await fixture.claim()).toBeUndefined();
      }
      expect(await fixture.store.get(claim.download.id)).toMatchObject({
        bytes: 3,
        speed: 3,
        connections: 2,
        resume: { total: 9 },
      });
    });

    test("of replicas that claim at the same time each gets another one", async () => {
      const fixture = await open();
      await fixture.store.insert(Array.from({ length: 200 }, () => newDownload()));
      const replicas = [fixture.store, await fixture.again(), await fixture.again(), await fixture.again()];
      const claims = await Promise.all(
        replicas.map(async (replica) => {
          const ids: (string | undefined)[] = [];
          for (let n = 0; n < 50; n++) {
            ids.push((await replica.claim({ worker: "x", leaseMs: LEASE_MS, busyHosts: [] }))?.download.id);
          }
          return ids;
        }),
      );
      expect(new Set(claims.flat()).size).toBe(200);
      expect(claims.flat()).not.toContain(undefined);
    });

    test("goes on where it was recorded, with what was durable", async () => {
      const fixture = await open();
      const first = await fixture.running();
      await fixture.renew(first, { bytes: 9, speed: 5, connections: 3 });
      expect(await fixture.store.record(first, POINT)).toBe(true);
      expect(await fixture.store.offer(first, POINT, "/candidate")).toBe(true);
      await fixture.expire();
      expect(await fixture.claimed()).toMatchObject({
        resume: { ...POINT, failures: 1 },
        candidate: "/candidate",
        bytes: 6,
        speed: 0,
        connections: 0,
      });
    });
  });
}
