import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { LEASE_MS, type Open } from "./fixture.ts";

const WEBHOOK = { webhook: "https://hook.example/" };
const FAILURE = { code: "X", detail: "x" };

/** Who is told of an end, how often. */
export function testWebhooks(open: Open): void {
  describe("a webhook", () => {
    test("is due at the end, for one caller, until it is settled", async () => {
      const fixture = await open();
      const { store } = fixture;
      const download = await fixture.running(WEBHOOK);
      expect(await store.claimWebhook(LEASE_MS)).toBeUndefined();
      await store.complete(download, "/x", 1);
      const claim = await store.claimWebhook(LEASE_MS);
      expect(claim).toMatchObject({ attempt: 1, download: { id: download.id, state: "completed" } });
      expect(await (await fixture.again()).claimWebhook(LEASE_MS)).toBeUndefined();
      if (claim) await store.settleWebhook(claim);
      await fixture.expire();
      expect(await store.claimWebhook(LEASE_MS)).toBeUndefined();
    });

    test("is due for every way to end, and only where there is one", async () => {
      const fixture = await open();
      const { store } = fixture;
      await store.complete(await fixture.running(), "/x", 1);
      await store.fail(await fixture.running(WEBHOOK), FAILURE);
      const failed = await store.claimWebhook(LEASE_MS);
      expect(failed?.download.state).toBe("failed");
      await store.change(await fixture.insert(WEBHOOK), { state: "canceled" });
      expect((await store.claimWebhook(LEASE_MS))?.download.state).toBe("canceled");
      expect(await store.claimWebhook(LEASE_MS)).toBeUndefined();
    });

    test("is repeated when it is to be, and when its caller has died", async () => {
      const fixture = await open();
      const { store } = fixture;
      await store.complete(await fixture.running(WEBHOOK), "/x", 1);
      const first = await store.claimWebhook(LEASE_MS);
      if (first) await store.settleWebhook(first, { afterMs: 1_500 });
      expect(await store.claimWebhook(LEASE_MS)).toBeUndefined();
      await sleep(1_550);
      expect((await store.claimWebhook(40))?.attempt).toBe(2);
      await sleep(60);
      expect((await store.claimWebhook(LEASE_MS))?.attempt).toBe(3);
    });

    test("settled too late changes nothing", async () => {
      const fixture = await open();
      const { store } = fixture;
      const download = await fixture.running(WEBHOOK);
      await store.fail(download, FAILURE);
      const late = await store.claimWebhook(0);
      const present = await store.claimWebhook(0);
      if (late) await store.settleWebhook(late);
      const again = await store.claimWebhook(0);
      expect(again?.attempt).toBe(3);
      expect(present?.attempt).toBe(2);

      await store.change(download.id, { state: "queued" });
      expect(await store.claimWebhook(0)).toBeUndefined();
      await store.fail(await fixture.claimed(), FAILURE);
      const fresh = await store.claimWebhook(0);
      expect(fresh?.attempt).toBe(1);
      if (late) await store.settleWebhook(late);
      expect((await store.claimWebhook(0))?.attempt).toBe(2);
    });

    test("the most overdue is called first", async () => {
      const fixture = await open();
      const { store } = fixture;
      const [first, second] = [await fixture.running(WEBHOOK), await fixture.running(WEBHOOK)];
      await store.complete(second, "/x", 1);
      await sleep(5);
      await store.complete(first, "/y", 1);
      expect((await store.claimWebhook(LEASE_MS))?.download.id).toBe(second.id);
      expect((await store.claimWebhook(LEASE_MS))?.download.id).toBe(first.id);
    });
  });
}
