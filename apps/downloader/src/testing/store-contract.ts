import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, onTestFinished, test } from "vitest";

import type { NewDownload, ResumePoint } from "../downloads/download.ts";
import { emptyPoint, newDownload } from "./new-download.ts";
import type { Claim, DownloadStore } from "../downloads/store.ts";

const LEASE_MS = 60_000;

export { emptyPoint, newDownload } from "./new-download.ts";

/**
 * What every store of downloads does, whatever it is made of.
 *
 * @param open opens the store that is to be tested, empty; `again` opens the same one as another replica would
 */
export function testStore(
  open: () => Promise<{ store: DownloadStore; again: () => Promise<DownloadStore> }>,
): void {
  const start = async (): Promise<{ store: DownloadStore; again: () => Promise<DownloadStore> }> => {
    const opened = await open();
    onTestFinished(() => opened.store.close());
    return opened;
  };
  const claim = (
    store: DownloadStore,
    leaseMs = LEASE_MS,
    busyHosts: string[] = [],
  ): Promise<Claim | undefined> => store.claim({ worker: "test", leaseMs, busyHosts });
  const claimed = async (store: DownloadStore, leaseMs = LEASE_MS): Promise<Claim> => {
    const result = await claim(store, leaseMs);
    if (!result) throw new Error("nothing was claimed");
    return result;
  };
  const insert = async (store: DownloadStore, changes: Partial<NewDownload> = {}): Promise<string> => {
    const [download] = await store.insert([newDownload(changes)]);
    return download?.id ?? "";
  };

  describe("what is put in", () => {
    test("comes out again", async () => {
      const { store } = await start();
      const asked = newDownload({
        filename: "b.bin",
        headers: { authorization: "x" },
        checksum: "md5=00",
        maxBytes: 5,
        priority: -3,
        notBefore: 1_900_000_000_000,
      });
      const [download] = await store.insert([asked]);
      expect(download).toMatchObject({
        ...asked,
        state: "queued",
        owner: "",
        attempts: 0,
        bytes: 0,
        epoch: 0,
        error: null,
        file: null,
        startedAt: null,
        endedAt: null,
      });
      expect(await store.get(download?.id ?? "")).toEqual(download);
    });

    test("is there for every replica, and after a restart", async () => {
      const { store, again } = await start();
      const id = await insert(store);
      const other = await again();
      expect((await other.get(id))?.id).toBe(id);
      await other.close();
    });

    test("has ids of its own, and none else", async () => {
      const { store } = await start();
      const downloads = await store.insert(Array.from({ length: 50 }, () => newDownload()));
      expect(new Set(downloads.map(({ id }) => id)).size).toBe(50);
      expect(await store.get("unknown")).toBeUndefined();
    });
  });

  describe("a listing", () => {
    test("is newest first, in pages without gaps or repeats", async () => {
      const { store } = await start();
      const inserted = await store.insert(
        Array.from({ length: 7 }, (_, n) => newDownload({ filename: `${n}` })),
      );
      const seen: string[] = [];
      for (let before: number | undefined, isLast = false; !isLast;) {
        const page = await store.list({ limit: 3, before });
        seen.push(...page.downloads.map(({ id }) => id));
        before = page.next;
        isLast = before === undefined;
        if (seen.length === 3) await insert(store); // newer than the page: does not shift the next one
      }
      expect(seen).toEqual(inserted.map(({ id }) => id).toReversed());
    });

    test("is by state and by a part of the URL or the file's path, taken literally and whatever its case", async () => {
      const { store } = await start();
      await insert(store, { url: "https://example.com/100%25_Free.iso" });
      await insert(store, { url: "https://example.com/other", path: "/Music/", filename: "song.mp3" });
      const search = async (text: string) =>
        (await store.list({ search: text, limit: 10 })).downloads.map(({ url }) => url.slice(20));
      expect(await search("free")).toEqual(["100%25_Free.iso"]);
      expect(await search("%25_F")).toEqual(["100%25_Free.iso"]);
      expect(await search("5%F")).toEqual([]);
      expect(await search("music/SONG")).toEqual(["other"]);
      expect(await search("\\")).toEqual([]);
      await claim(store);
      expect((await store.list({ state: "running", limit: 10 })).downloads).toHaveLength(1);
      expect((await store.list({ state: "queued", search: "other", limit: 10 })).downloads).toHaveLength(1);
      expect((await store.list({ state: "failed", limit: 10 })).downloads).toEqual([]);
    });
  });

  describe("a claim", () => {
    test("takes the highest priority, then the oldest, and each only once", async () => {
      const { store, again } = await start();
      const other = await again();
      for (const [filename, priority] of [
        ["c", 0],
        ["d", 0],
        ["a", 9],
        ["e", -1],
        ["b", 9],
      ] as const) {
        await insert(store, { filename, priority });
      }
      const order: (string | null | undefined)[] = [];
      for (let n = 0; n < 6; n++) order.push((await claim(n % 2 ? other : store))?.download.filename);
      expect(order).toEqual(["a", "b", "c", "d", "e", undefined]);
      await other.close();
    });

    test("starts a download: state, attempt, epoch, time", async () => {
      const { store } = await start();
      await insert(store);
      const { download, isTakenOver } = await claimed(store);
      expect(download).toMatchObject({ state: "running", attempts: 1, epoch: 1 });
      expect(download.startedAt).not.toBeNull();
      expect(isTakenOver).toBe(false);
    });

    test("leaves what is not due, and hosts that are busy", async () => {
      const { store } = await start();
      await insert(store, { notBefore: Date.now() + 60_000, priority: 5 });
      await insert(store, { host: "busy.example" });
      const free = await insert(store, { host: "free.example" });
      expect((await claim(store, LEASE_MS, ["busy.example", "x"]))?.download.id).toBe(free);
      expect(await claim(store, LEASE_MS, ["busy.example"])).toBeUndefined();
    });

    test("takes over once a lease has run out, and not before", async () => {
      const { store } = await start();
      await insert(store);
      const first = await claimed(store, 60);
      expect(await claim(store)).toBeUndefined();
      await sleep(80);
      const second = await claimed(store);
      expect(second.isTakenOver).toBe(true);
      expect(second.download).toMatchObject({
        id: first.download.id,
        epoch: 2,
        attempts: 2,
        resume: { failures: 1 },
      });
    });

    test("does not take over what is renewed", async () => {
      const { store } = await start();
      await insert(store);
      const { download } = await claimed(store, 80);
      for (let n = 0; n < 4; n++) {
        await sleep(40);
        expect(await store.renew(new Map([[download, { bytes: n, total: 9, speed: 3 }]]), 80)).toEqual([]);
        expect(await claim(store)).toBeUndefined();
      }
      expect(await store.get(download.id)).toMatchObject({ bytes: 3, speed: 3, resume: { total: 9 } });
    });

    test("of replicas that claim at the same time each gets another one", async () => {
      const { store, again } = await start();
      await store.insert(Array.from({ length: 40 }, () => newDownload()));
      const replicas = [store, await again(), await again(), await again()];
      const claims = await Promise.all(
        replicas.map(async (replica) => {
          const ids: (string | undefined)[] = [];
          for (let n = 0; n < 10; n++) ids.push((await claim(replica))?.download.id);
          return ids;
        }),
      );
      expect(new Set(claims.flat()).size).toBe(40);
      for (const replica of replicas.slice(1)) await replica.close();
    });
  });

  describe("a lease that is lost", () => {
    const point: ResumePoint = {
      partial: "p",
      durableBytes: 1,
      validator: '"x"',
      total: 2,
      name: "n",
      modifiedMs: 3,
      failures: 0,
    };
    const failure = { code: "X", detail: "x" };
    const lost = [
      ["taken over", async (store: DownloadStore) => void (await claimed(store))],
      ["removed", async (store: DownloadStore, id: string) => void (await store.remove(id))],
    ] as const;

    test.each(lost)("lets nothing be written any more: %s", async (_how, lose) => {
      const { store } = await start();
      const id = await insert(store);
      const { download } = await claimed(store, 0);
      await lose(store, id);
      const before = await store.get(id);
      expect(await store.renew(new Map([[download, { bytes: 1, total: 1, speed: 1 }]]), LEASE_MS)).toEqual([
        download,
      ]);
      expect(await store.record(download, point)).toBe(false);
      expect(await store.offer(download, "/x")).toBe(false);
      expect(await store.complete(download, "/x", 1)).toBe(false);
      expect(await store.fail(download, failure)).toBe(false);
      expect(await store.retry(download, failure, { afterMs: 0, failures: 1 })).toBe(false);
      expect(await store.release(download)).toBe(false);
      expect(await store.get(id)).toEqual(before);
    });

    test("is lost with the outcome, too", async () => {
      const { store } = await start();
      await insert(store);
      const { download } = await claimed(store);
      expect(await store.complete(download, "/x", 1)).toBe(true);
      expect(await store.fail(download, failure)).toBe(false);
      expect(await store.record(download, point)).toBe(false);
    });

    test("what is recorded is there for the next claim", async () => {
      const { store } = await start();
      await insert(store);
      const first = await claimed(store, 0);
      expect(await store.record(first.download, point)).toBe(true);
      expect(await store.offer(first.download, "/candidate")).toBe(true);
      const { download } = await claimed(store);
      expect(download).toMatchObject({
        resume: { ...point, failures: 1 },
        candidate: "/candidate",
        bytes: 1,
      });
    });
  });

  describe("an outcome", () => {
    test("completed", async () => {
      const { store } = await start();
      const id = await insert(store);
      expect(await store.complete((await claimed(store)).download, "/a b.bin", 7)).toBe(true);
      const download = await store.get(id);
      expect(download).toMatchObject({
        state: "completed",
        file: "/a b.bin",
        bytes: 7,
        speed: 0,
        error: null,
      });
      expect(download?.resume).toMatchObject({ total: 7, partial: null });
      expect(download?.endedAt).not.toBeNull();
    });

    test("failed", async () => {
      const { store } = await start();
      const id = await insert(store);
      const error = { code: "HTTP_STATUS", detail: "The server answered 404 Not Found." };
      expect(await store.fail((await claimed(store)).download, error)).toBe(true);
      expect(await store.get(id)).toMatchObject({ state: "failed", error, file: null });
      expect(await claim(store)).toBeUndefined();
    });

    test("to be tried again, and not before its time", async () => {
      const { store } = await start();
      const id = await insert(store);
      const { download } = await claimed(store);
      const error = { code: "STALLED", detail: "x" };
      expect(await store.retry(download, error, { afterMs: 100, failures: 4 })).toBe(true);
      expect(await store.get(id)).toMatchObject({ state: "queued", error, resume: { failures: 4 } });
      expect(await claim(store)).toBeUndefined();
      await sleep(120);
      const again = await claimed(store);
      expect(again.isTakenOver).toBe(false);
      expect(again.download).toMatchObject({
        error: null,
        notBefore: null,
        resume: { failures: 4 },
        epoch: 2,
      });
    });

    test("released, for others at once", async () => {
      const { store } = await start();
      await insert(store);
      const first = await claimed(store);
      expect(await store.release(first.download)).toBe(true);
      const second = await claimed(store);
      expect(second).toMatchObject({ isTakenOver: false, download: { epoch: 2, resume: { failures: 0 } } });
    });
  });

  test("a removal resolves to what was removed, once", async () => {
    const { store } = await start();
    const id = await insert(store, { filename: "x" });
    expect(await store.remove(id)).toMatchObject({ id, filename: "x" });
    expect(await store.remove(id)).toBeUndefined();
    expect(await store.get(id)).toBeUndefined();
  });

  test("the unfinished are told from the finished", async () => {
    const { store } = await start();
    const [queued, running, done] = [
      await insert(store, { priority: -1 }),
      await insert(store),
      await insert(store, { priority: 1 }),
    ];
    await store.complete((await claimed(store)).download, "/x", 0);
    await claimed(store);
    const unfinished = await store.unfinished([queued, running, done, "unknown"]);
    expect(new Map(unfinished.map(({ id, epoch }) => [id, epoch]))).toEqual(
      new Map([
        [queued, 0],
        [running, 1],
      ]),
    );
  });

  test("the sums are of all downloads, the speed of those that run", async () => {
    const { store } = await start();
    await store.insert([newDownload({ priority: 1 }), newDownload(), newDownload()]);
    await store.complete((await claimed(store)).download, "/x", 10);
    const { download } = await claimed(store);
    await store.renew(new Map([[download, { bytes: 5, total: null, speed: 3 }]]), LEASE_MS);
    expect(await store.stats()).toEqual({
      states: { queued: 1, running: 1, completed: 1, failed: 0, canceled: 0 },
      bytes: 15,
      speed: 3,
    });
  });

  test("a store that is there can be used", async () => {
    const { store } = await start();
    await expect(store.check()).resolves.toBeUndefined();
  });
}
