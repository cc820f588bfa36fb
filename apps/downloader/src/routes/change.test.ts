import { describe, expect, test, vi } from "vitest";

import { LATER, NOWHERE } from "../testing/api.ts";
import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";
import type { DownloadBody } from "./download-schema.ts";

const SIZE = 1 << 20;
/** Some 10 seconds of it. */
const slowly = { bytes: 2048, everyMs: 20 };

/** A source that takes long, and two replicas. */
async function start() {
  let open = 0;
  const origin = await startOrigin((request, response) => {
    open++;
    response.on("close", () => open--);
    return serveFile(request, response, bytesOf(SIZE), { slowly });
  });
  const downloader = await startDownloader();
  const other = await startDownloader({ MAX_ACTIVE: "1" }, downloader.directory);
  const change = async (id: string, body: unknown) =>
    other.ask<DownloadBody & { code: string; detail: string }>("PATCH", `/downloads/${id}`, body);
  return { origin, downloader, change, openConnections: () => open };
}

async function submitRunning({ origin, downloader }: Awaited<ReturnType<typeof start>>) {
  const { id } = await downloader.submit({ url: `${origin.url}/x`, segments: 1 });
  await downloader.until(id, ({ state, bytes }) => state === "running" && bytes > 0);
  return id;
}

describe("a download that runs", () => {
  test("is paused from another replica within a second, and goes on from where it was", async () => {
    const context = await start();
    const { downloader, change, openConnections, origin } = context;
    const id = await submitRunning(context);
    expect(await change(id, { state: "paused" })).toMatchObject({
      status: 200,
      body: { id, state: "paused" },
    });
    await vi.waitFor(() => expect(openConnections()).toBe(0), 1_100);
    expect(await downloader.get(id)).toMatchObject({ state: "paused", speed: 0 });
    expect(await downloader.partials()).toHaveLength(1);
    expect(await change(id, { state: "queued" })).toMatchObject({ status: 200, body: { state: "queued" } });
    await downloader.until(id, ({ state }) => state === "running");
    await vi.waitFor(() => expect(origin.requests.at(-1)?.headers["if-range"]).toBe('"v1"'));
  });

  test("is canceled, and what was received is gone", async () => {
    const context = await start();
    const { downloader, change, openConnections } = context;
    const id = await submitRunning(context);
    expect(await change(id, { state: "canceled" })).toMatchObject({
      status: 200,
      body: { state: "canceled" },
    });
    await vi.waitFor(() => expect(openConnections()).toBe(0), 1_100);
    await vi.waitFor(async () => expect(await downloader.partials()).toEqual([]));
    expect(await downloader.names()).toEqual([]);
    expect((await downloader.get(id)).endedAt).not.toBeNull();
  });

  test("is pointed at another URL of the same bytes", async () => {
    const context = await start();
    const { downloader, change } = context;
    const fast = await startOrigin((request, response) => serveFile(request, response, bytesOf(SIZE)));
    const id = await submitRunning(context);
    expect(await change(id, { url: `${fast.url}/x#y` })).toMatchObject({
      status: 200,
      body: { url: `${fast.url}/x` },
    });
    await downloader.until(id, ({ state }) => state === "completed");
    expect(await downloader.read("x")).toEqual(bytesOf(SIZE));
  });

  test("takes its headers along to another URL of the same origin, and to no other origin", async () => {
    const downloader = await startDownloader();
    const [slow, fast] = [
      await startOrigin((request, response) => serveFile(request, response, bytesOf(SIZE), { slowly })),
      await startOrigin((request, response) => serveFile(request, response, bytesOf(SIZE))),
    ];
    const headers = { Authorization: "Bearer secret", "X-Token": "secret" };
    const { id } = await downloader.submit({ url: `${slow.url}/x`, headers, segments: 1 });
    const change = (url: string) => downloader.ask<DownloadBody>("PATCH", `/downloads/${id}`, { url });
    await downloader.until(id, ({ bytes }) => bytes > 0);
    expect((await change(`${slow.url}/y`)).body.headers).toEqual({
      authorization: "[redacted]",
      "x-token": "[redacted]",
    });
    await vi.waitFor(() => expect(slow.requests.at(-1)?.url).toBe("/y"), 5_000);
    expect(slow.requests.map((request) => request.headers.authorization)).toEqual(
      slow.requests.map(() => "Bearer secret"),
    );
    expect((await change(`${fast.url}/x`)).body.headers).toEqual({});
    await downloader.until(id, ({ state }) => state === "completed");
    expect(fast.requests.length).toBeGreaterThan(0);
    for (const request of fast.requests) {
      expect(request.headers).not.toHaveProperty("authorization");
      expect(request.headers).not.toHaveProperty("x-token");
    }
  });

  test("takes another priority and speed as it runs", async () => {
    const context = await start();
    const { change } = context;
    const id = await submitRunning(context);
    expect(await change(id, { priority: 5, speedLimit: 10_000 })).toMatchObject({
      status: 200,
      body: { state: "running", priority: 5, speedLimit: 10_000 },
    });
    expect((await change(id, { speedLimit: null })).body.speedLimit).toBeNull();
  });
});

describe("a change", () => {
  test("of one that waits: paused, back in the queue, earlier", async () => {
    const downloader = await startDownloader();
    const { id } = await downloader.submit({ url: NOWHERE, notBefore: LATER });
    const url = `/downloads/${id}`;
    expect((await downloader.ask("PATCH", url, { state: "paused" })).body).toMatchObject({ state: "paused" });
    expect((await downloader.ask("PATCH", url, { priority: 9 })).body).toMatchObject({ priority: 9 });
    expect((await downloader.ask("PATCH", url, { state: "canceled" })).body).toMatchObject({
      state: "canceled",
      priority: 9,
    });
  });

  test("of one that has failed tries again, with what there is", async () => {
    let isWell = false;
    const origin = await startOrigin((request, response) =>
      isWell ? serveFile(request, response, bytesOf(10)) : response.writeHead(404).end(),
    );
    const downloader = await startDownloader();
    const { id, state } = await downloader.fetch({ url: `${origin.url}/x` });
    expect(state).toBe("failed");
    isWell = true;
    expect((await downloader.ask("PATCH", `/downloads/${id}`, { state: "queued" })).status).toBe(200);
    expect(await downloader.until(id, (it) => it.state === "completed")).toMatchObject({ error: null });
  });

  test("that its state does not allow is a conflict, and changes nothing", async () => {
    const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(10)));
    const downloader = await startDownloader();
    const done = await downloader.fetch({ url: `${origin.url}/x` });
    for (const change of [
      { state: "paused" },
      { state: "queued" },
      { state: "canceled" },
      { url: origin.url },
    ]) {
      const answer = await downloader.ask<{ detail: string }>("PATCH", `/downloads/${done.id}`, change);
      expect(answer).toMatchObject({ status: 409, body: { code: "STATE_CONFLICT" } });
      expect(answer.body.detail).toContain("completed");
    }
    expect(await downloader.get(done.id)).toEqual(done);
    expect(await downloader.names()).toEqual(["x"]);
  });

  test("may be sent as a merge patch", async () => {
    const downloader = await startDownloader();
    const { id } = await downloader.submit({ url: NOWHERE, notBefore: LATER, speedLimit: 10 });
    const answer = await downloader.ask("PATCH", `/downloads/${id}`, '{"speedLimit":null}', {
      "content-type": "application/merge-patch+json",
    });
    expect(answer).toMatchObject({ status: 200, body: { speedLimit: null } });
  });

  test.each([
    ["nothing", {}, 400, "INVALID_REQUEST"],
    ["no object", [], 400, "INVALID_REQUEST"],
    ["a state that only we give", { state: "running" }, 400, "INVALID_REQUEST"],
    ["what cannot be changed", { path: "x", state: "paused" }, 400, "INVALID_REQUEST"],
    ["a priority that is none", { priority: "high" }, 400, "INVALID_REQUEST"],
    ["no speed", { speedLimit: 0 }, 400, "INVALID_REQUEST"],
    ["no URL", { url: "x" }, 400, "URL_INVALID"],
    ["a forbidden URL", { url: "http://10.0.0.1/" }, 422, "URL_FORBIDDEN"],
  ])("to %s is refused", async (_what, change, status, code) => {
    const downloader = await startDownloader({ ALLOW_NETWORKS: "", ALLOW_PORTS: "" });
    const download = await downloader.submit({ url: NOWHERE, notBefore: LATER });
    const answer = await downloader.ask("PATCH", `/downloads/${download.id}`, change);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(await downloader.get(download.id)).toEqual(download);
  });

  test("of an unknown one is 404, of another media type 415", async () => {
    const downloader = await startDownloader();
    expect(await downloader.ask("PATCH", "/downloads/unknown", { state: "paused" })).toMatchObject({
      status: 404,
      body: { code: "DOWNLOAD_UNKNOWN" },
    });
    const headers = { "content-type": "text/plain" };
    expect((await downloader.ask("PATCH", "/downloads/unknown", "paused", headers)).status).toBe(415);
  });
});
