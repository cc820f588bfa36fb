import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { LEASE_MS, POINT, type Fixture, type Open } from "./fixture.ts";

const FAILURE = { code: "STALLED", detail: "The server stopped sending." };

/** What only the holder of a lease may write, and how a download ends. */
export function testLeases(open: Open): void {
  describe("a lease that is lost", () => {
    const lost: [string, (fixture: Fixture, id: string) => Promise<unknown>][] = [
      ["taken over", async (fixture) => (await fixture.expire(), fixture.claimed())],
      ["removed", (fixture, id) => fixture.store.remove(id)],
      ["requeued and claimed", requeueAndClaim],
    ];

    test.each(lost)("lets nothing be written any more: %s", async (_how, lose) => {
      const fixture = await open();
      const { store } = fixture;
      const download = await fixture.running();
      await lose(fixture, download.id);
      const before = await store.get(download.id);
      expect(await fixture.renew(download, { bytes: 1 })).toEqual(new Map());
      expect(await store.record(download, POINT)).toBe(false);
      expect(await store.offer(download, POINT, "/x")).toBe(false);
      expect(await store.complete(download, "/x", 1)).toBe(false);
      expect(await store.fail(download, FAILURE)).toBe(false);
      expect(await store.retry(download, FAILURE, { afterMs: 0, failures: 1 })).toBe(false);
      expect(await store.release(download)).toBe(false);
      expect(await store.letGo(download, POINT)).toBe(false);
      expect(await store.get(download.id)).toEqual(before);
    });

    test.each(["paused", "canceled"] as const)(
      "%s: only the end and the letting go are heard",
      async (state) => {
        const fixture = await open();
        const { store } = fixture;
        const download = await fixture.running();
        await store.change(download.id, { state });
        const before = await store.get(download.id);
        expect(await fixture.renew(download, { bytes: 1 })).toEqual(new Map());
        expect(await store.record(download, POINT)).toBe(false);
        expect(await store.offer(download, POINT, "/x")).toBe(false);
        expect(await store.fail(download, FAILURE)).toBe(false);
        expect(await store.retry(download, FAILURE, { afterMs: 0, failures: 1 })).toBe(false);
        expect(await store.release(download)).toBe(false);
        expect(await store.get(download.id)).toEqual(before);
        expect(await store.letGo(download, POINT)).toBe(true);
        expect(await store.get(download.id)).toMatchObject({ state, resume: POINT, bytes: 6 });
        expect(await store.letGo(download, { ...POINT, name: "other" })).toBe(false);
      },
    );

    test("is lost with the outcome, too", async () => {
      const fixture = await open();
      const { store } = fixture;
      const download = await fixture.running();
      expect(await store.letGo(download, POINT)).toBe(false);
      expect(await store.complete(download, "/x", 1)).toBe(true);
      expect(await store.fail(download, FAILURE)).toBe(false);
      expect(await store.record(download, POINT)).toBe(false);
      expect(await store.complete(download, "/y", 2)).toBe(false);
      expect(await store.get(download.id)).toMatchObject({ file: "/x", bytes: 1 });
    });

    test("does not bring back a length that a point has replaced", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.renew(download, { total: 7 });
      expect((await fixture.store.get(download.id))?.resume.total).toBe(7);
      for (const total of [20, null]) {
        await fixture.store.record(download, { ...POINT, total });
        await fixture.renew(download, { bytes: total ?? 1, total: 7 });
        expect((await fixture.store.get(download.id))?.resume.total).toBe(total);
      }
    });

    test("of several, those that are held are renewed, and bring what was set since", async () => {
      const fixture = await open();
      const [first, second, third] = [
        await fixture.running({ speedLimit: 5 }),
        await fixture.running(),
        await fixture.running(),
      ];
      await fixture.store.change(second.id, { state: "paused" });
      await fixture.store.change(third.id, { speedLimit: 7 });
      const progress = { bytes: 1, total: 2, speed: 3, connections: 4 };
      const held = new Map([first, second, third].map((download) => [download, progress]));
      expect(await fixture.store.renew(held, LEASE_MS)).toEqual(
        new Map([
          [first, { speedLimit: 5 }],
          [third, { speedLimit: 7 }],
        ]),
      );
      expect(await fixture.store.renew(new Map(), LEASE_MS)).toEqual(new Map());
    });
  });

  describe("an outcome", () => {
    test("completed", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.offer(download, POINT, "/a b.bin");
      expect(await fixture.store.complete(download, "/a b.bin", 7)).toBe(true);
      const ended = await fixture.store.get(download.id);
      expect(ended).toMatchObject({
        state: "completed",
        file: "/a b.bin",
        bytes: 7,
        speed: 0,
        connections: 0,
        error: null,
        candidate: null,
        resume: { total: 7, partial: null, durable: [] },
      });
      expect(ended?.endedAt).not.toBeNull();
    });

    test.each(["paused", "canceled", "queued"] as const)(
      "completed, though %s since: what is published is",
      async (state) => {
        const fixture = await open();
        const download = await fixture.running();
        const source = state === "queued" ? { url: "https://example.com/b", host: "example.com" } : undefined;
        await fixture.store.change(download.id, { state, source });
        expect(await fixture.store.complete(download, "/x", 7)).toBe(true);
        expect(await fixture.store.get(download.id)).toMatchObject({ state: "completed", file: "/x" });
        await fixture.expire();
        expect(await fixture.claim()).toBeUndefined();
      },
    );

    test("failed: what was received stays", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.offer(download, POINT, "/x");
      const error = { code: "HTTP_STATUS", detail: "The server answered 404 Not Found." };
      expect(await fixture.store.fail(download, error)).toBe(true);
      const ended = await fixture.store.get(download.id);
      expect(ended).toMatchObject({ state: "failed", error, file: null, candidate: null, resume: POINT });
      expect(ended?.endedAt).not.toBeNull();
      expect(await fixture.claim()).toBeUndefined();
    });

    test("to be tried again, and not before its time", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.offer(download, POINT, "/x");
      expect(await fixture.store.retry(download, FAILURE, { afterMs: 1_500.5, failures: 4 })).toBe(true);
      const waiting = await fixture.store.get(download.id);
      expect(waiting).toMatchObject({ state: "queued", error: FAILURE, resume: { failures: 4 }, bytes: 6 });
      expect(waiting?.notBefore).toBeGreaterThan(Date.now() - 5_000);
      expect(await fixture.claim()).toBeUndefined();
      await sleep(1_550);
      const again = await fixture.claim();
      expect(again?.isTakenOver).toBe(false);
      expect(again?.download).toMatchObject({
        error: null,
        notBefore: null,
        epoch: 2,
        candidate: "/x",
        resume: { failures: 4 },
      });
    });

    test("released, for others at once", async () => {
      const fixture = await open();
      const first = await fixture.running();
      await fixture.store.offer(first, POINT, "/x");
      expect(await fixture.store.release(first)).toBe(true);
      expect(await fixture.claim()).toMatchObject({
        isTakenOver: false,
        download: { epoch: 2, resume: POINT, candidate: "/x" },
      });
    });

    test("a point that is recorded is not offered any more", async () => {
      const fixture = await open();
      const download = await fixture.running();
      await fixture.store.offer(download, POINT, "/x");
      await fixture.store.record(download, POINT);
      expect((await fixture.store.get(download.id))?.candidate).toBeNull();
    });
  });
}

async function requeueAndClaim(fixture: Fixture, id: string): Promise<void> {
  await fixture.store.change(id, { state: "paused" });
  await fixture.store.change(id, { state: "queued" });
  await fixture.expire();
  await fixture.claimed();
}
