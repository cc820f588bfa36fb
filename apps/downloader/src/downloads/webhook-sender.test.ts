import { createSecretKey } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { addressSet, createLogger, createRegistry } from "@wharf/service";
import { describe, expect, onTestFinished, test, vi } from "vitest";

import { temporaryFolder } from "../testing/folder.ts";
import { newDownload } from "../testing/new-download.ts";
import { startOrigin, type Answer } from "../testing/origin.ts";
import { createDispatcher } from "./dispatcher.ts";
import type { GuardPolicy } from "./guard.ts";
import { DownloadMetrics } from "./metrics.ts";
import type { DownloadStore } from "./store.ts";
import { openStore } from "./store/open-store.ts";
import { webhookMessage } from "./webhook-message.ts";
import { nextCall, WebhookSender, type WebhookTimes } from "./webhook-sender.ts";

const LOOPBACK_1: GuardPolicy = { networks: addressSet(["127.0.0.1"]), hasNetworks: true, ports: "any" };
const TIMES: WebhookTimes = { pollMs: 20, callMs: 2_000, leaseMs: 10_000, retryMs: 30 };
const KEY = createSecretKey(Buffer.from("a key of two dozen bytes"));

async function openTestStore(folder: string): Promise<DownloadStore> {
  const store = await openStore({ file: join(folder, "downloads.sqlite"), isDurable: false });
  onTestFinished(() => store.close());
  return store;
}

function startSender(store: DownloadStore, times: Partial<WebhookTimes> = {}) {
  const proxies = { httpProxy: undefined, httpsProxy: undefined, noProxy: [] };
  const dispatcher = createDispatcher({ ...proxies, connectTimeoutMs: 2_000, maxPerHost: 4 }, LOOPBACK_1);
  const registry = createRegistry();
  const context = {
    store,
    dispatcher,
    policy: LOOPBACK_1,
    key: KEY,
    metrics: new DownloadMetrics(registry, store),
    logger: createLogger({ name: "test", level: "silent", format: "json" }),
    describe: ({ id, state }: { id: string; state: string }) => ({ id, state }),
  };
  const sender = new WebhookSender(context, { ...TIMES, ...times });
  sender.start();
  onTestFinished(async () => {
    await sender.close();
    await dispatcher.destroy();
  });
  const count = async (outcome: string): Promise<number> => {
    const line = new RegExp(`^wharf_webhook_calls_total\\{outcome="${outcome}"\\} (\\d+)$`, "m");
    return Number(line.exec(await registry.metrics())?.[1] ?? 0);
  };
  return { sender, count };
}

/** Puts a download with a webhook on record that has failed. */
async function failed(store: DownloadStore, webhook: string): Promise<string> {
  const [download] = await store.insert([newDownload({ webhook })]);
  const claim = await store.claim({ worker: "test", leaseMs: 60_000, busyHosts: [] });
  if (!claim || claim.download.id !== download?.id) throw new Error("another one was claimed");
  await store.fail({ id: download.id, epoch: claim.download.epoch }, { code: "X", detail: "x" });
  return download.id;
}

/** A receiver that keeps what it was told. */
async function startReceiver(answer: Answer) {
  const bodies: string[] = [];
  const origin = await startOrigin(async (request, response, count) => {
    const index = bodies.push("") - 1;
    for await (const chunk of request) bodies[index] += String(chunk);
    await answer(request, response, count);
  });
  return { ...origin, bodies };
}

function idOf(request: IncomingMessage | undefined): unknown {
  return request?.headers["webhook-id"];
}

test("the end of a download is told once, signed", async () => {
  const store = await openTestStore(await temporaryFolder());
  const receiver = await startReceiver((_request, response) => response.end());
  const { count } = startSender(store);
  const id = await failed(store, `${receiver.url}/hook`);
  await vi.waitFor(async () => expect(await count("delivered")).toBe(1));
  await sleep(150);
  expect(receiver.requests).toHaveLength(1);
  const [request] = receiver.requests;
  expect(JSON.parse(receiver.bodies[0] ?? "")).toMatchObject({
    type: "download.failed",
    data: { id, state: "failed" },
  });

  const download = await store.get(id);
  if (!download) throw new Error("it is gone");
  const sentMs = Number(request?.headers["webhook-timestamp"]) * 1000;
  expect(Math.abs(sentMs - Date.now())).toBeLessThan(60_000);
  const { headers, body } = webhookMessage(download, { id, state: "failed" }, KEY, sentMs);
  expect(request?.headers).toMatchObject(headers);
  expect(receiver.bodies[0]).toBe(body);
});

test("whoever does not take it is told again, with the same id, until he does", async () => {
  const store = await openTestStore(await temporaryFolder());
  const receiver = await startReceiver((_request, response, count) =>
    response.writeHead(count < 3 ? 500 : 200).end(),
  );
  const { count } = startSender(store);
  await failed(store, receiver.url);
  await vi.waitFor(async () => expect(await count("delivered")).toBe(1), { timeout: 5_000 });
  expect(await count("retried")).toBe(2);
  expect(new Set(receiver.requests.map(idOf)).size).toBe(1);
  expect(new Set(receiver.bodies).size).toBe(1);
});

test.each([
  ["is gone", 410, "gone"],
  ["redirects elsewhere", 307, "retried"],
])("one that %s is not followed, nor asked at once again", async (_what, status, outcome) => {
  const store = await openTestStore(await temporaryFolder());
  const inside = await startOrigin((_request, response) => response.end(), "127.0.0.2");
  const receiver = await startReceiver((_request, response) =>
    response.writeHead(status, { location: inside.url }).end(),
  );
  const { count } = startSender(store, { retryMs: 60_000 });
  await failed(store, receiver.url);
  await vi.waitFor(async () => expect(await count(outcome)).toBe(1));
  await sleep(100);
  expect(receiver.requests).toHaveLength(1);
  expect(inside.requests).toEqual([]);
});

test("where nobody may connect to nobody is told, and it is not tried again", async () => {
  const store = await openTestStore(await temporaryFolder());
  const inside = await startOrigin((_request, response) => response.end(), "127.0.0.2");
  const { count } = startSender(store);
  await failed(store, inside.url);
  await vi.waitFor(async () => expect(await count("forbidden")).toBe(1));
  await sleep(150);
  expect(inside.requests).toEqual([]);
  expect(await store.claimWebhook(1)).toBeUndefined();
});

test("two replicas call once for each", async () => {
  const folder = await temporaryFolder();
  const store = await openTestStore(folder);
  const receiver = await startReceiver((_request, response) => setTimeout(() => response.end(), 30));
  const senders = [startSender(store), startSender(await openTestStore(folder))];
  const ids: string[] = [];
  for (let n = 0; n < 12; n++) ids.push(await failed(store, receiver.url));
  await vi.waitFor(async () => {
    const counts = await Promise.all(senders.map(({ count }) => count("delivered")));
    expect(counts.reduce((sum, count) => sum + count)).toBe(12);
  });
  const told = receiver.bodies.map((body) => (JSON.parse(body) as { data: { id: string } }).data.id);
  expect(told.toSorted()).toEqual(ids.toSorted());
});

test("what a sender that died had begun is sent again, with the same id, when its claim has run out", async () => {
  const store = await openTestStore(await temporaryFolder());
  const receiver = await startReceiver((_request, response) => response.end());
  const id = await failed(store, receiver.url);
  const lost = await store.claimWebhook(300);
  expect(lost).toMatchObject({ download: { id }, attempt: 1 });
  const { count } = startSender(store);
  await sleep(100);
  expect(receiver.requests).toEqual([]);
  await vi.waitFor(async () => expect(await count("delivered")).toBe(1));
  const { headers } = webhookMessage(lost?.download ?? { id, state: "failed", endedAt: 0 }, {}, KEY, 0);
  expect(idOf(receiver.requests[0])).toBe(headers["webhook-id"]);
});

test("the end of a process waits for nobody, and the next one calls again", async () => {
  const store = await openTestStore(await temporaryFolder());
  const receiver = await startReceiver((_request, response, count) =>
    count > 1 ? response.end() : undefined,
  );
  const { sender } = startSender(store);
  await failed(store, receiver.url);
  await vi.waitFor(() => expect(receiver.bodies).toHaveLength(1));
  const start = performance.now();
  await sender.close();
  expect(performance.now() - start).toBeLessThan(1_000);
  const { count } = startSender(store);
  await vi.waitFor(async () => expect(await count("delivered")).toBe(1));
  expect(idOf(receiver.requests[1])).toBe(idOf(receiver.requests[0]));
});

test("one that does not answer is given up in time, and keeps no other from being told", async () => {
  const store = await openTestStore(await temporaryFolder());
  const mute = await startReceiver(() => undefined);
  const receiver = await startReceiver((_request, response) => response.end());
  const { count } = startSender(store, { callMs: 150, retryMs: 60_000 });
  for (let n = 0; n < 6; n++) await failed(store, mute.url);
  await failed(store, receiver.url);
  await vi.waitFor(async () => expect(await count("delivered")).toBe(1), { timeout: 5_000 });
  await vi.waitFor(async () => expect(await count("retried")).toBe(6));
});

describe("the next call", () => {
  const failure = { kind: "failed", why: "500", retryAfterMs: undefined } as const;

  test("comes later each time, and never after the tenth: in about a day", () => {
    const delays = Array.from({ length: 10 }, (_, n) => nextCall(failure, n + 1, 0.5)?.afterMs);
    expect(delays.slice(0, 4)).toEqual([5_000, 20_000, 80_000, 320_000]);
    expect(delays.at(-1)).toBeUndefined();
    const total = delays.reduce<number>((sum, delay) => sum + (delay ?? 0), 0);
    expect(total).toBeGreaterThan(22 * 3_600_000);
    expect(total).toBeLessThan(26 * 3_600_000);
    expect(nextCall(failure, 1, 0)?.afterMs).toBe(4_000);
    expect(nextCall(failure, 1, 0.999_999)?.afterMs).toBe(6_000);
  });

  test("comes when the receiver says, unless that is too soon or too late", () => {
    expect(nextCall({ ...failure, retryAfterMs: 60_000 }, 1, 0.5)?.afterMs).toBe(60_000);
    expect(nextCall({ ...failure, retryAfterMs: 0 }, 1, 0.5)?.afterMs).toBe(5_000);
    expect(nextCall({ ...failure, retryAfterMs: 1e12 }, 1, 0.5)?.afterMs).toBe(86_400_000);
  });

  test.each(["delivered", "gone", "forbidden"] as const)("never comes for what was %s", (kind) => {
    expect(nextCall({ kind, why: "" }, 1, 0.5)).toBeUndefined();
  });
});
