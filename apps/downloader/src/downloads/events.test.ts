import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, onTestFinished, test, vi } from "vitest";

import { temporaryFolder } from "../testing/folder.ts";
import { newDownload } from "../testing/new-download.ts";
import { formatCursor } from "./event-cursor.ts";
import { EventStream } from "./event-stream.ts";
import { EventHub, type DownloadEvent } from "./events.ts";
import { openStore } from "./store/open-store.ts";

const BEGINNING = { revision: 0, sequence: 0 };
const logger = { warn: () => undefined };
const write = (event: DownloadEvent): string =>
  `${event.type} ${event.type === "removed" ? event.id : event.download.id} ${event.cursor && formatCursor(event.cursor)}\n`;

async function start() {
  const store = await openStore({ file: join(await temporaryFolder(), "db"), isDurable: false });
  const hub = new EventHub(store, write, logger);
  onTestFinished(async () => {
    hub.close();
    await store.close();
  });
  const insert = async (): Promise<string> => (await store.insert([newDownload()]))[0]?.id ?? "";
  const listen = () => {
    const client = new PassThrough();
    const stream = new EventStream(client);
    stream.pipe(client);
    let text = "";
    client.on("data", (chunk: Buffer) => (text += chunk.toString()));
    return { stream, lines: () => text.split("\n").slice(0, -1) };
  };
  return { store, hub, insert, listen };
}

test("however many listen, the history is read once for all; when nobody does, not at all", async () => {
  const { store, hub, insert, listen } = await start();
  const reads = vi.spyOn(store, "changes");
  const listeners = Array.from({ length: 200 }, listen);
  await Promise.all(listeners.map(({ stream }) => hub.follow(stream, BEGINNING)));
  const before = reads.mock.calls.length;
  const id = await insert();
  await vi.waitFor(() => {
    for (const { lines } of listeners) expect(lines()).toEqual([expect.stringMatching(`^state ${id} `)]);
  });
  await sleep(1_000);
  expect(reads.mock.calls.length - before).toBeLessThanOrEqual(10);
  for (const { stream } of listeners) stream.destroy();
  await sleep(600);
  const idle = reads.mock.calls.length;
  await sleep(600);
  expect(reads.mock.calls.length).toBe(idle);
});

test("what differs in how far it is alone is progress, all else is state", async () => {
  const { store, hub, insert, listen } = await start();
  const { stream, lines } = listen();
  await hub.follow(stream, BEGINNING);
  const kinds = (): (string | undefined)[] => lines().map((line) => line.split(" ")[0]);
  const until = (...expected: string[]) => vi.waitFor(() => expect(kinds()).toEqual(expected));
  const id = await insert();
  await until("state");
  const claim = await store.claim({ worker: "w", leaseMs: 60_000, busyHosts: [] });
  if (!claim) throw new Error("nothing to claim");
  const lease = { id, epoch: claim.download.epoch };
  await until("state", "state");
  for (const bytes of [1, 2]) {
    await store.renew(new Map([[lease, { bytes, total: 9, speed: 1, connections: 1 }]]), 60_000);
    await vi.waitFor(() => expect(kinds()).toHaveLength(2 + bytes));
  }
  await until("state", "state", "progress", "progress");
  await store.change(id, { priority: 3 });
  await until("state", "state", "progress", "progress", "state");
  await store.renew(new Map([[lease, { bytes: 3, total: 9, speed: 1, connections: 1 }]]), 60_000);
  await until("state", "state", "progress", "progress", "state", "progress");
  await store.complete(lease, "/x", 9);
  await store.remove(id);
  await vi.waitFor(() => expect(kinds().at(-1)).toBe("removed"));
});

test("who catches up is waited for, and gets all of it in order", async () => {
  const { store } = await start();
  await store.insert(
    Array.from({ length: 1500 }, () => newDownload({ url: `https://example.com/?${"x".repeat(4000)}` })),
  );
  const wide = new EventHub(store, (event) => `${write(event).trim()} ${"x".repeat(4000)}\n`, logger);
  onTestFinished(() => wide.close());
  const client = new PassThrough();
  const stream = new EventStream(client);
  stream.pipe(client);
  const caughtUp = wide.follow(stream, BEGINNING);
  await sleep(200); // long enough for all of it, had it not to wait
  expect(stream.destroyed).toBe(false);
  expect(stream.readableLength + client.writableLength + client.readableLength).toBeLessThan(1 << 20);
  let text = "";
  client.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await caughtUp;
  await vi.waitFor(() => expect(text.split("\n")).toHaveLength(1501));
});

test("who catches up is waited for before each event, however large they are", async () => {
  const { store } = await start();
  await store.insert([newDownload(), newDownload(), newDownload()]);
  const huge = new EventHub(store, () => `${"x".repeat(900_000)}\n`, logger);
  onTestFinished(() => huge.close());
  const client = new PassThrough();
  const stream = new EventStream(client);
  stream.pipe(client);
  const caughtUp = huge.follow(stream, BEGINNING);
  await sleep(200);
  expect(stream.destroyed).toBe(false);
  let length = 0;
  client.on("data", (chunk: Buffer) => (length += chunk.length));
  await caughtUp;
  await vi.waitFor(() => expect(length).toBe(3 * 900_001));
});

test("a failure to read is told once, and got over", async () => {
  const { store, insert, listen } = await start();
  const warn = vi.fn<() => void>();
  const hub = new EventHub(store, write, { warn });
  onTestFinished(() => hub.close());
  const { stream, lines } = listen();
  await hub.follow(stream, BEGINNING);
  const reads = vi.spyOn(store, "changes").mockRejectedValue(new Error("gone"));
  await vi.waitFor(() => expect(reads.mock.calls.length).toBeGreaterThan(3), 3_000);
  expect(warn).toHaveBeenCalledTimes(1);
  reads.mockRestore();
  const id = await insert();
  await vi.waitFor(() => expect(lines()).toEqual([expect.stringMatching(id)]));
});
