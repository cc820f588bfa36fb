import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import type { Cursor, DownloadStore, HistoryEntry } from "../../downloads/store.ts";
import { newDownload } from "../new-download.ts";
import { LEASE_MS, POINT, type Fixture, type Open } from "./fixture.ts";

const START: Cursor = { revision: 0, sequence: 0 };

/** What followers are told, in which order. */
export function testHistory(open: Open): void {
  describe("the history", () => {
    test("has every download as it is now, at the place of its last change", async () => {
      const fixture = await open();
      const [first, second] = [await fixture.insert(), await fixture.insert()];
      await fixture.store.change(first, { priority: 1 });
      const entries = await fixture.store.changes(START, 10);
      expect(entries.map(idOf)).toEqual([second, first]);
      expect(entries.at(-1)).toMatchObject({ download: { priority: 1 } });
      expect(await fixture.store.latest()).toEqual(entries.at(-1)?.cursor);
      expect(await fixture.store.changes(await fixture.store.latest(), 10)).toEqual([]);
    });

    test("of nothing has an end, too", async () => {
      const { store } = await open();
      const end = await store.latest();
      expect(await store.changes(end, 10)).toEqual([]);
      await store.insert([newDownload()]);
      expect(await store.changes(end, 10)).toHaveLength(1);
    });

    test("is read in pages without gaps or repeats, even within one submission", async () => {
      const fixture = await open();
      const ids = (await fixture.store.insert(Array.from({ length: 25 }, () => newDownload()))).map(
        ({ id }) => id,
      );
      const removed = await fixture.insert();
      await fixture.store.remove(removed);
      const seen: string[] = [];
      let cursor = START;
      for (;;) {
        const page = await fixture.store.changes(cursor, 4);
        if (page.length === 0) break;
        seen.push(...page.map(idOf));
        cursor = page.at(-1)?.cursor ?? cursor;
      }
      expect(seen).toEqual([...ids, removed]);
      expect(cursor).toEqual(await fixture.store.latest());
    });

    const visible: [string, (fixture: Fixture) => Promise<unknown>][] = [
      ["a submission", (fixture) => fixture.insert()],
      ["a claim", (fixture) => fixture.claimed()],
      ["progress", async (fixture) => fixture.renew(await fixture.claimed(), { bytes: 1 })],
      ["speed", async (fixture) => fixture.renew(await fixture.claimed(), { speed: 1 })],
      ["a name", async (fixture) => fixture.store.record(await fixture.claimed(), POINT)],
      ["an offer's total", async (fixture) => fixture.store.offer(await fixture.claimed(), POINT, "/x")],
      ["completion", async (fixture) => fixture.store.complete(await fixture.claimed(), "/x", 1)],
      ["failure", async (fixture) => fixture.store.fail(await fixture.claimed(), { code: "X", detail: "x" })],
      [
        "a retry",
        async (fixture) =>
          fixture.store.retry(
            await fixture.claimed(),
            { code: "X", detail: "x" },
            { afterMs: 1, failures: 1 },
          ),
      ],
      ["a release", async (fixture) => fixture.store.release(await fixture.claimed())],
    ];
    test.each(visible)("goes on with %s", async (_what, change) => {
      const fixture = await open();
      await fixture.insert();
      const before = await fixture.store.latest();
      await change(fixture);
      const entries = await fixture.store.changes(before, 10);
      expect(entries).toHaveLength(1);
      const [entry] = entries;
      const download = entry && "download" in entry ? entry.download : undefined;
      expect(await fixture.store.get(download?.id ?? "")).toEqual(download);
    });

    test("does not go on with what no client sees", async () => {
      const fixture = await open();
      const download = await fixture.running({ webhook: "https://hook.example/" });
      await fixture.renew(download, { bytes: 1, total: 20, speed: 2, connections: 3 });
      await fixture.store.record(download, POINT);
      const before = await fixture.store.latest();
      await fixture.renew(download, { bytes: 1, total: 20, speed: 2, connections: 3 });
      await fixture.store.record(download, { ...POINT, durable: [{ start: 0, end: 9 }] });
      await fixture.store.offer(download, POINT, "/x");
      expect(await fixture.claim()).toBeUndefined();
      expect(await fixture.store.latest()).toEqual(before);
      await fixture.store.complete(download, "/x", 20);
      const ended = await fixture.store.latest();
      const webhook = await fixture.store.claimWebhook(LEASE_MS);
      if (webhook) await fixture.store.settleWebhook(webhook);
      expect(webhook).toBeDefined();
      expect(await fixture.store.latest()).toEqual(ended);
    });

    test("tells of a removal until it is pruned, and goes on from there", async () => {
      const fixture = await open();
      const [first, second] = [await fixture.insert(), await fixture.insert()];
      await fixture.store.remove(second);
      await fixture.store.remove(first);
      await fixture.store.prune(60_000);
      expect((await fixture.store.changes(START, 10)).map(idOf)).toEqual([second, first]);
      const end = await fixture.store.latest();
      await fixture.store.prune(0);
      expect((await fixture.store.changes(START, 10)).map(idOf)).toEqual([first]);
      expect(await fixture.store.latest()).toEqual(end);
      const third = await fixture.insert();
      expect((await fixture.store.changes(end, 10)).map(idOf)).toEqual([third]);
    });

    test("tells where a removal is in it, as long as that is remembered", async () => {
      const fixture = await open();
      const [first, second] = [await fixture.insert(), await fixture.insert()];
      expect(await fixture.store.wasRemoved(first)).toBeUndefined();
      await fixture.store.remove(first);
      const place = await fixture.store.latest();
      await fixture.store.remove(second);
      expect(await fixture.store.wasRemoved(first)).toEqual(place);
      expect(await fixture.store.wasRemoved(second)).toEqual(await fixture.store.latest());
      expect(await fixture.store.wasRemoved("unknown")).toBeUndefined();
      expect(await fixture.store.wasRemoved("\0")).toBeUndefined();
      await fixture.store.prune(0);
      expect(await fixture.store.wasRemoved(first)).toBeUndefined();
    });

    test(
      "is the same for one who follows while many write: nothing is missed",
      { timeout: 60_000 },
      async () => {
        const fixture = await open();
        const writers = [fixture.store, await fixture.again(), await fixture.again()];
        const seen = new Map<string, string>();
        let isWriting = true;
        const follow = async (store: DownloadStore): Promise<void> => {
          for (let cursor = START, isLast = false; !isLast;) {
            isLast = !isWriting;
            const page = await store.changes(cursor, 7);
            for (const entry of page)
              seen.set(idOf(entry), "download" in entry ? entry.download.state : "removed");
            cursor = page.at(-1)?.cursor ?? cursor;
            if (page.length > 0) isLast = false;
            await sleep(1);
          }
        };
        const following = follow(await fixture.again());
        await Promise.all(writers.map((store) => write(store)));
        isWriting = false;
        await following;
        const { downloads } = await fixture.store.list({ limit: 1_000 });
        const states = new Map(downloads.map(({ id, state }) => [id, state as string]));
        for (const [id, state] of seen) if (state === "removed") states.set(id, state);
        expect(seen).toEqual(states);
        expect([...seen.values()].filter((state) => state === "removed")).toHaveLength(30);
      },
    );

    test("is heard of by others, if the store can tell", async () => {
      const fixture = await open();
      const other = await fixture.again();
      other.onChange(() => {});
      await fixture.insert();
      expect(await other.changes(START, 10)).toHaveLength(1);
    });
  });
}

/** A life of many downloads. */
async function write(store: DownloadStore): Promise<void> {
  await Promise.all(
    Array.from({ length: 30 }, async (_, n) => {
      const [download] = await store.insert([newDownload()]);
      const claim = await store.claim({ worker: "x", leaseMs: LEASE_MS, busyHosts: [] });
      if (claim) {
        const progress = { bytes: n + 1, total: null, speed: n, connections: 1 };
        await store.renew(new Map([[claim.download, progress]]), LEASE_MS);
        await store.complete(claim.download, "/x", n);
      }
      if (n % 3 === 0) await store.remove(download?.id ?? "");
    }),
  );
}

function idOf(entry: HistoryEntry): string {
  return "download" in entry ? entry.download.id : entry.removed;
}
