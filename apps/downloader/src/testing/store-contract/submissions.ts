import { describe, expect, test } from "vitest";

import { KeyReusedError } from "../../downloads/errors.ts";
import { newDownload } from "../new-download.ts";
import { LEASE_MS, POINT, type Open } from "./fixture.ts";

/** What is put in, found, listed, counted and removed. */
export function testSubmissions(open: Open): void {
  describe("what is put in", () => {
    test("comes out again, to the last field", async () => {
      const { store } = await open();
      const asked = newDownload({
        filename: "b.bin",
        mirrors: ["https://mirror.example/b.bin", "https://other.example/ü"],
        headers: { authorization: `quote" and \\ and 'apostrophe` },
        checksum: "md5=00",
        size: 2 ** 45,
        pieces: { algorithm: "sha-256", length: 1024, hashes: ["aa", "bb"] },
        maxBytes: 5,
        priority: -3,
        segments: 7,
        speedLimit: 1_000,
        notBefore: 1_900_000_000_000,
        webhook: "https://hook.example/",
      });
      const { pieces: _, ...rest } = asked;
      const [download] = await store.insert([asked]);
      expect(download).toMatchObject({
        ...rest,
        state: "queued",
        owner: "",
        attempts: 0,
        bytes: 0,
        epoch: 0,
        error: null,
        file: null,
        startedAt: null,
        endedAt: null,
        connections: 0,
        candidate: null,
      });
      expect(Math.abs((download?.createdAt ?? 0) - Date.now())).toBeLessThan(10_000);
      expect(await store.get(download?.id ?? "")).toEqual(download);
    });

    test("is there for every replica", async () => {
      const fixture = await open();
      const id = await fixture.insert();
      expect((await (await fixture.again()).get(id))?.id).toBe(id);
    });

    test("has ids of its own, and keeps its order", async () => {
      const { store } = await open();
      const names = Array.from({ length: 1_000 }, (_, n) => `${n}`);
      const downloads = await store.insert(names.map((filename) => newDownload({ filename })));
      expect(new Set(downloads.map(({ id }) => id)).size).toBe(1_000);
      expect(downloads.map(({ filename }) => filename)).toEqual(names);
      const ascending = downloads.map(({ sequence }) => sequence).toSorted((a, b) => a - b);
      expect(downloads.map(({ sequence }) => sequence)).toEqual(ascending);
      expect(await store.get("unknown")).toBeUndefined();
      expect(await store.get("\0")).toBeUndefined();
    });
  });

  describe("with an idempotency key", () => {
    const key = { key: "k", fingerprint: "f" };
    const three = ["a", "b", "c"].map((filename) => newDownload({ filename }));

    test("a repeat makes nothing, and resolves to what was made", async () => {
      const fixture = await open();
      const first = await fixture.store.insert(three, key);
      expect(first.map((each) => each?.filename)).toEqual(["a", "b", "c"]);
      expect(await (await fixture.again()).insert(three, key)).toEqual(first);
      expect((await fixture.store.stats()).states.queued).toBe(3);
    });

    test("of any number of replicas that are given it at once, one makes something", async () => {
      const fixture = await open();
      const replicas = [fixture.store, await fixture.again(), await fixture.again()];
      const all = await Promise.all(
        [...replicas, ...replicas, ...replicas].map((replica) => replica.insert(three, key)),
      );
      for (const one of all) expect(one).toEqual(all[0]);
      expect((await fixture.store.stats()).states.queued).toBe(3);
    });

    test("another submission is refused, be it longer or shorter, at the same time or later", async () => {
      const fixture = await open();
      const other = { key: "k", fingerprint: "g" };
      const replicas = [fixture.store, await fixture.again()] as const;
      const results = await Promise.allSettled([
        replicas[0].insert(three.slice(0, 2), key),
        replicas[1].insert(three, other),
      ]);
      expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      const isFirst = results[0].status === "fulfilled";
      await expect(fixture.store.insert(three, isFirst ? other : key)).rejects.toThrow(KeyReusedError);
      expect((await fixture.store.stats()).states.queued).toBe(isFirst ? 2 : 3);
    });

    test("what was removed since is not made again", async () => {
      const { store } = await open();
      const [first, second, third] = await store.insert(three, key);
      await store.remove(second?.id ?? "");
      const again = await store.insert(three, key);
      expect(again.map((each) => each?.id)).toEqual([first?.id, undefined, third?.id]);
      await store.remove(first?.id ?? "");
      await store.remove(third?.id ?? "");
      expect(await store.insert(three, key)).toEqual([undefined, undefined, undefined]);
      await expect(store.insert(three, { key: "k", fingerprint: "g" })).rejects.toThrow(KeyReusedError);
      expect(await store.insert(three, { key: "other", fingerprint: "f" })).toHaveLength(3);
    });
  });

  describe("a listing", () => {
    test("is newest first, in pages without gaps or repeats", async () => {
      const fixture = await open();
      const inserted = await fixture.store.insert(Array.from({ length: 7 }, () => newDownload()));
      const seen: string[] = [];
      for (let before: number | undefined, isLast = false; !isLast;) {
        const page = await fixture.store.list({ limit: 3, before });
        seen.push(...page.downloads.map(({ id }) => id));
        before = page.next;
        isLast = before === undefined;
        if (seen.length === 3) await fixture.insert(); // newer than the page: does not shift the next one
      }
      expect(seen).toEqual(inserted.map(({ id }) => id).toReversed());
    });

    test("is by state and by a part of the URL or the file's path, taken literally and whatever its case", async () => {
      const fixture = await open();
      const { store } = fixture;
      await fixture.insert({ url: "https://example.com/100%25_Free.iso" });
      await fixture.insert({ url: "https://example.com/other", path: "/Music/", filename: "song.mp3" });
      const search = async (text: string) =>
        (await store.list({ search: text, limit: 10 })).downloads.map(({ url }) => url.slice(20));
      expect(await search("free")).toEqual(["100%25_Free.iso"]);
      expect(await search("%25_F")).toEqual(["100%25_Free.iso"]);
      expect(await search("5%F")).toEqual([]);
      expect(await search("music/SONG")).toEqual(["other"]);
      expect(await search("\\")).toEqual([]);
      expect(await search("other\0")).toEqual([]);
      await fixture.claim();
      expect((await store.list({ state: "running", limit: 10 })).downloads).toHaveLength(1);
      expect((await store.list({ state: "queued", search: "other", limit: 10 })).downloads).toHaveLength(1);
      expect((await store.list({ state: "failed", limit: 10 })).downloads).toEqual([]);
    });
  });

  test("a removal resolves to what is left of it, once", async () => {
    const fixture = await open();
    const { store } = fixture;
    const { id, epoch } = await fixture.running();
    await store.offer({ id, epoch }, POINT, "/x");
    const resume = { partial: "p", total: 20, modifiedMs: 3 };
    const left = { id, epoch, resume, candidate: "/x", file: null, endedAt: null };
    expect(await store.remove(id)).toEqual(left);
    expect(await store.remove(id)).toBeUndefined();
    expect(await store.get(id)).toBeUndefined();
    const done = await fixture.running();
    await store.complete(done, "/y", 1);
    const endedAt = (await store.get(done.id))?.endedAt;
    expect(await store.remove(done.id)).toMatchObject({ candidate: null, file: "/y", endedAt });
    expect(await store.remove("\0")).toBeUndefined();
  });

  test("the unfinished are told from the finished, those that may be tried again from those that may not", async () => {
    const fixture = await open();
    const { store } = fixture;
    const done = await fixture.running();
    await store.complete(done, "/x", 0);
    const failed = await fixture.running();
    await store.fail(failed, { code: "X", detail: "x" });
    const canceled = await fixture.insert();
    await store.change(canceled, { state: "canceled" });
    const paused = await fixture.insert();
    await store.change(paused, { state: "paused" });
    const running = await fixture.running();
    const queued = await fixture.insert();

    const all = [queued, running.id, paused, failed.id, canceled, done.id, "unknown"];
    const find = async (failedAfter: number) =>
      new Map((await store.unfinished(all, failedAfter)).map(({ id, epoch }) => [id, epoch]));
    const certain: [string, number][] = [
      [queued, 0],
      [running.id, 1],
      [paused, 0],
    ];
    expect(await find(Date.now() + 60_000)).toEqual(new Map(certain));
    expect(await find(Date.now() - 60_000)).toEqual(new Map([...certain, [failed.id, 1]]));
    expect(await store.unfinished([], 0)).toEqual([]);
  });

  test("the sums are of all downloads, the speed of those that run", async () => {
    const fixture = await open();
    const { store } = fixture;
    await store.complete(await fixture.running(), "/x", 10);
    const lost = await fixture.running();
    await fixture.renew(lost, { bytes: 1, speed: 100 });
    await fixture.insert({ host: "busy.example" });
    await fixture.expire();
    const running = await store.claim({ worker: "x", leaseMs: LEASE_MS, busyHosts: ["example.com"] });
    if (!running) throw new Error("nothing was claimed");
    await fixture.renew(running.download, { bytes: 5, speed: 3.4 });
    await fixture.insert();
    const states = { queued: 1, running: 2, paused: 0, completed: 1, failed: 0, canceled: 0 };
    expect(await store.stats()).toEqual({ states, bytes: 16, speed: 3 });
  });

  test("a store that is there can be used", async () => {
    const { store } = await open();
    await expect(store.check()).resolves.toBeUndefined();
    expect(await store.stats()).toMatchObject({ bytes: 0, speed: 0 });
  });
}
