import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { LATER, NOWHERE, type Page } from "../testing/api.ts";
import { startDownloader, type TestDownloader } from "../testing/downloader.ts";
import { readEvents, type EventReader } from "../testing/event-reader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";

const SOURCE = { url: NOWHERE, notBefore: LATER };
const slowly = { bytes: 4096, everyMs: 20 };

/** A source that takes some seconds. */
const startSlowOrigin = () =>
  startOrigin((request, response) => serveFile(request, response, bytesOf(1 << 20), { slowly }));

async function prioritize(downloader: TestDownloader, id: string, priority: number): Promise<void> {
  const { status } = await downloader.ask("PATCH", `/downloads/${id}`, { priority });
  expect(status).toBe(200);
}

describe("all downloads", () => {
  test("are followed from submission to removal, in words that a person can read", async () => {
    const origin = await startSlowOrigin();
    const downloader = await startDownloader();
    const reader = await readEvents(`${await downloader.listen()}/downloads/events`);
    expect(reader.status).toBe(200);
    expect(Object.fromEntries(reader.headers)).toMatchObject({
      "content-type": expect.stringMatching(/^text\/event-stream/) as string,
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-request-id": expect.any(String) as string,
      "x-served-by": expect.any(String) as string,
    });
    const { id } = await downloader.submit({ url: `${origin.url}/x` });
    await reader.until(({ type, data }) => type === "state" && data.state === "running");
    const progress = await reader.until(({ type, data }) => type === "progress" && data.bytes > 0);
    expect(Object.keys(progress.data)).toEqual(["id", "bytes", "total", "speed", "etaMs", "connections"]);
    await reader.until(({ data }) => data.state === "completed", 10_000);
    await downloader.ask("DELETE", `/downloads/${id}`);
    const removed = await reader.until(({ type }) => type === "removed");
    expect(removed.data).toEqual({ id });
    expect(reader.text()).toMatch(/^retry: 1000\n\nevent: state\nid: \d+-\d+\ndata: \{"id":"/);
  });

  test("begin with those that run, and go on from there", async () => {
    const origin = await startSlowOrigin();
    const downloader = await startDownloader();
    const url = `${await downloader.listen()}/downloads/events`;
    const { id } = await downloader.submit({ url: `${origin.url}/x` });
    const waiting = await downloader.submit(SOURCE);
    await downloader.until(id, ({ state }) => state === "running");
    const reader = await readEvents(url);
    const first = await reader.until(() => true);
    expect(first).toMatchObject({ type: "state", data: { id, state: "running" } });
    await reader.until(({ type }) => type === "progress");
    expect(reader.events().filter(({ data }) => data.id === waiting.id)).toEqual([]);
  });

  test("tell how far one is no more than four times a second", async () => {
    const origin = await startSlowOrigin();
    const downloader = await startDownloader();
    const reader = await readEvents(`${await downloader.listen()}/downloads/events`);
    await downloader.submit({ url: `${origin.url}/x` });
    await reader.until(({ type }) => type === "progress");
    const start = { at: performance.now(), events: reader.events().length };
    await sleep(2_000);
    const seconds = (performance.now() - start.at) / 1000;
    const count = reader.events().length - start.events;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(Math.ceil(seconds * 4) + 1);
  });

  test("are the same on every replica", async () => {
    const downloader = await startDownloader();
    const other = await startDownloader({}, downloader.directory);
    const reader = await readEvents(`${await other.listen()}/downloads/events`);
    const { id } = await downloader.submit(SOURCE);
    await reader.until(({ type, data }) => type === "state" && data.id === id);
    await downloader.ask("DELETE", `/downloads/${id}`);
    const removed = await reader.until(({ type }) => type === "removed");
    expect(removed.data).toEqual({ id });
  });
});

describe("a client that comes back", () => {
  test("is told of what has changed since, as it is now, by another replica", async () => {
    const downloader = await startDownloader();
    const other = await startDownloader({}, downloader.directory);
    const [url, otherUrl] = [await downloader.listen(), await other.listen()].map(
      (it) => `${it}/downloads/events`,
    );
    const first = await readEvents(url ?? "");
    const [a, b, c] = [
      await downloader.submit(SOURCE),
      await downloader.submit(SOURCE),
      await downloader.submit(SOURCE),
    ];
    const last = await first.until(({ data }) => data.id === c.id);
    first.close();
    await prioritize(downloader, b.id, 1);
    await prioritize(downloader, a.id, 2);
    await downloader.ask("DELETE", `/downloads/${c.id}`);
    await prioritize(downloader, b.id, 3);

    for (const at of [url, otherUrl, `${url}?lastEventId=${last.id}`]) {
      const again = await readEvents(at ?? "", at?.includes("?") ? undefined : last.id);
      await vi.waitFor(() => expect(again.events()).toHaveLength(3));
      expect(again.events().map(({ type, data }) => [type, data.id, data.priority])).toEqual([
        ["state", a.id, 2],
        ["removed", c.id, undefined],
        ["state", b.id, 3],
      ]);
    }
  });

  test("misses nothing of what happens meanwhile, however often it is cut off", async () => {
    const downloader = await startDownloader();
    const other = await startDownloader({}, downloader.directory);
    const urls = [await downloader.listen(), await other.listen()];
    const { downloads } = await submitMany(downloader, 40);
    const rounds = 15;
    const writing = (async () => {
      for (let round = 1; round <= rounds; round++) {
        for (const { id } of downloads) await prioritize(round % 2 ? downloader : other, id, round);
        await sleep(20);
      }
    })();
    const seen = new Map<string, number>();
    const isBehind = (): boolean => downloads.some(({ id }) => seen.get(id) !== rounds);
    for (let n = 0, last = "0-0"; isBehind() && n < 100; n++) {
      const reader: EventReader = await readEvents(`${urls[n % 2]}/downloads/events`, last);
      await sleep(100);
      reader.close();
      for (const { id, data } of reader.events()) {
        expect(data.priority).toBeGreaterThanOrEqual(seen.get(data.id) ?? 0);
        seen.set(data.id, data.priority);
        last = id;
      }
    }
    expect(isBehind()).toBe(false);
    await writing;
  }, 30_000);

  test("may list first, and follow from there", async () => {
    const downloader = await startDownloader();
    const url = await downloader.listen();
    const before = await downloader.submit(SOURCE);
    const { headers, body } = await downloader.ask<Page>("GET", "/downloads");
    expect(body.downloads.map(({ id }) => id)).toEqual([before.id]);
    const after = await downloader.submit(SOURCE);
    const reader = await readEvents(`${url}/downloads/events`, String(headers["last-event-id"]));
    expect((await reader.until(() => true)).data.id).toBe(after.id);
  });

  test("from a history that is no more begins anew", async () => {
    const origin = await startSlowOrigin();
    const downloader = await startDownloader();
    const url = await downloader.listen();
    const { id } = await downloader.submit({ url: `${origin.url}/x` });
    await downloader.until(id, ({ state }) => state === "running");
    const reader = await readEvents(`${url}/downloads/events`, "999999999999-1");
    expect((await reader.until(() => true)).data).toMatchObject({ id, state: "running" });
  });

  test.each(["x", "1", "1-", "-1-1", "1-1-1", "1e3-1", "9999999999999999-1"])(
    "with %s is refused",
    async (lastEventId) => {
      const downloader = await startDownloader();
      for (const path of ["/downloads/events", "/downloads/unknown/events"]) {
        expect(await downloader.ask("GET", path, undefined, { "last-event-id": lastEventId })).toMatchObject({
          status: 400,
          body: { code: "INVALID_REQUEST" },
        });
      }
    },
  );
});

describe("one download", () => {
  test("is followed alone, from how it is now", async () => {
    const downloader = await startDownloader();
    const url = await downloader.listen();
    const [one, two] = [await downloader.submit(SOURCE), await downloader.submit(SOURCE)];
    const reader = await readEvents(`${url}/downloads/${one.id}/events`);
    expect((await reader.until(() => true)).data).toEqual(one);
    await prioritize(downloader, two.id, 1);
    await prioritize(downloader, one.id, 2);
    await reader.until(({ data }) => data.priority === 2);
    expect(reader.events().map(({ data }) => data.id)).toEqual([one.id, one.id]);
  });

  test("ends with its removal, for those who come back as well", async () => {
    const downloader = await startDownloader();
    const url = await downloader.listen();
    const { id } = await downloader.submit(SOURCE);
    const reader = await readEvents(`${url}/downloads/${id}/events`);
    const { id: last } = await reader.until(() => true);
    await downloader.ask("DELETE", `/downloads/${id}`);
    expect(await reader.ended).toBe(true);
    const again = await readEvents(`${url}/downloads/${id}/events`, last);
    expect(await again.ended).toBe(true);
    expect(again.events()).toMatchObject([{ type: "removed", data: { id } }]);
    const late = await downloader.ask("GET", `/downloads/${id}/events`, undefined, {
      "last-event-id": again.events()[0]?.id ?? "",
    });
    expect(late.status).toBe(404);
  });

  test("that is unknown is 404", async () => {
    const downloader = await startDownloader();
    for (const headers of [{}, { "last-event-id": "0-0" }]) {
      expect(await downloader.ask("GET", "/downloads/unknown/events", undefined, headers)).toMatchObject({
        status: 404,
        body: { code: "DOWNLOAD_UNKNOWN" },
      });
    }
  });
});

describe("a stream", () => {
  test("is only announced to HEAD", async () => {
    const downloader = await startDownloader();
    const url = await downloader.listen();
    const response = await fetch(`${url}/downloads/events`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    expect(await response.text()).toBe("");
  });

  test("ends at once when the service does, and does not hold it up", async () => {
    const downloader = await startDownloader({ SHUTDOWN_GRACE_MS: "20000" });
    const url = await downloader.listen();
    const readers = await Promise.all(Array.from({ length: 5 }, () => readEvents(`${url}/downloads/events`)));
    const start = performance.now();
    await downloader.close();
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(await Promise.all(readers.map(({ ended }) => ended))).toEqual([true, true, true, true, true]);
  });

  test("of a client that does not read is cut off, while others go on", async () => {
    const downloader = await startDownloader();
    const url = new URL(await downloader.listen());
    const slow = connect(Number(url.port), url.hostname);
    onTestFinished(() => void slow.destroy());
    await once(slow, "connect");
    slow.write(`GET /downloads/events HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
    slow.pause();
    const reader = await readEvents(`${url.origin}/downloads/events`);
    // More than the kernel keeps for a connection.
    for (let n = 1; n <= 6; n++) {
      await submitMany(downloader, 500, "x".repeat(8000));
      await vi.waitFor(() => expect(reader.events()).toHaveLength(n * 500), 10_000);
    }
    let received = 0;
    slow.on("data", (chunk: Buffer) => (received += chunk.length)).on("error", () => undefined);
    slow.resume();
    await once(slow, "close");
    expect(received).toBeLessThan(reader.text().length);
  }, 60_000);
});

async function submitMany(downloader: TestDownloader, count: number, query = ""): Promise<Page> {
  const requests = Array.from({ length: count }, (_, n) => ({ ...SOURCE, url: `${NOWHERE}?${n}${query}` }));
  const { status } = await downloader.ask("POST", "/downloads", requests);
  expect(status).toBe(200);
  return (await downloader.ask<Page>("GET", `/downloads?limit=${count}`)).body;
}
