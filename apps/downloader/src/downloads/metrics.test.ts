import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createRegistry } from "@wharf/service";
import { expect, onTestFinished, test } from "vitest";

import { temporaryFolder } from "../testing/folder.ts";
import { newDownload } from "../testing/new-download.ts";
import { DownloadMetrics } from "./metrics.ts";
import type { Claim } from "./store.ts";
import { openStore } from "./store/open-store.ts";

const gone = { stats: () => Promise.reject(new Error("The store is away.")) };

test("the time in the queue counts from when a download was due, and once for each", async () => {
  const registry = createRegistry();
  const metrics = new DownloadMetrics(registry, gone);
  const store = await openStore({ file: join(await temporaryFolder(), "store"), isDurable: false });
  onTestFinished(() => store.close());
  const claim = async (leaseMs = 60_000): Promise<Claim> => {
    const made = await store.claim({ worker: "x", leaseMs, busyHosts: [] });
    if (!made) throw new Error("nothing was claimed");
    return made;
  };

  const [plain] = await store.insert([newDownload()]);
  metrics.claimed(await claim(0), (plain?.createdAt ?? 0) + 400);
  const again = await claim();
  expect(again).toMatchObject({ isTakenOver: true, download: { attempts: 2 } });
  metrics.claimed(again, Date.now() + 9_000);

  const notBefore = Date.now() + 200;
  await store.insert([newDownload({ notBefore })]);
  await sleep(notBefore - Date.now() + 20);
  metrics.claimed(await claim(), notBefore + 2_000);

  await store.insert([newDownload()]);
  metrics.claimed(await claim(), 0); // this replica's clock is behind
  const text = await registry.metrics();
  expect(text).toContain("wharf_download_queue_seconds_count 3");
  expect(text).toContain("wharf_download_queue_seconds_sum 2.4");
  expect(text).toContain('wharf_download_queue_seconds_bucket{le="0.5"} 2');
  expect(text).toContain("wharf_lease_takeovers_total 1");
});

test("what is known is told while the store is away", async () => {
  const registry = createRegistry();
  new DownloadMetrics(registry, gone).active.set(3);
  const text = await registry.metrics();
  expect(text).toContain("wharf_downloads_active 3");
  expect(text).toContain("wharf_downloads_queued Nan");
});
