import { createRegistry } from "@wharf/service";
import { expect, test } from "vitest";

import type { Download } from "./download.ts";
import { DownloadMetrics } from "./metrics.ts";

function claim(download: { createdAt: number; notBefore?: number; attempts?: number }, isTakenOver = false) {
  return { download: { notBefore: null, attempts: 1, ...download } as Download, isTakenOver };
}

const gone = { stats: () => Promise.reject(new Error("The store is away.")) };

test("the time in the queue counts from when a download was due, and once for each", async () => {
  const registry = createRegistry();
  const metrics = new DownloadMetrics(registry, gone);
  metrics.claimed(claim({ createdAt: 1_000 }), 1_400);
  metrics.claimed(claim({ createdAt: 1_000, notBefore: 60_000 }), 62_000);
  metrics.claimed(claim({ createdAt: 5_000 }), 4_990); // another replica's clock
  metrics.claimed(claim({ createdAt: 1_000, attempts: 2 }, true), 9_000);
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
