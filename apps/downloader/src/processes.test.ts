import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { createClient, isFinished } from "./testing/downloader.ts";
import { temporaryFolder } from "./testing/folder.ts";
import { bytesOf, serveFile, startOrigin } from "./testing/origin.ts";
import { spawnDownloader, type DownloaderProcess } from "./testing/process.ts";

const MIB = 1 << 20;

/** Slow enough to be killed in the middle. */
const SLOWLY = { bytes: MIB / 4, everyMs: 60 };

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function everythingFinished(downloader: DownloaderProcess, count: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const { body } = await downloader.ask<{ states: { completed: number } }>("GET", "/stats");
      expect(body.states.completed).toBe(count);
    },
    { timeout: 15_000, interval: 50 },
  );
}

test("killed in the middle and started again, it goes on from what was durable", async () => {
  const body = bytesOf(12 * MIB);
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, body, { slowly: SLOWLY }),
  );
  const directory = await temporaryFolder();
  const first = await spawnDownloader(directory);
  const { id } = await first.submit({ url: `${origin.url}/big.bin`, segments: 1 });
  await sleep(2_600); // past the first checkpoint
  await first.end("SIGKILL");

  const second = await spawnDownloader(directory);
  const download = await second.until(id, isFinished);

  expect(download).toMatchObject({ state: "completed", attempts: 2, file: { path: "/big.bin" } });
  expect(digest(await second.read("big.bin"))).toBe(digest(body));
  expect(await second.names()).toEqual(["big.bin"]);
  expect(await second.partials()).toEqual([]);
  expect(origin.requests).toHaveLength(2);
  expect(origin.requests[1]?.headers).toMatchObject({ "if-range": '"v1"' });
  expect(Number(/\d+/.exec(origin.requests[1]?.headers.range ?? "")?.[0])).toBeGreaterThan(MIB);
});

test("asked to end it goes at once, and the next start goes on without waiting for a lease", async () => {
  const body = bytesOf(6 * MIB);
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, body, { slowly: SLOWLY }),
  );
  const directory = await temporaryFolder();
  const first = await spawnDownloader(directory, { LEASE_MS: "60000" });
  const { id } = await first.submit({ url: `${origin.url}/big.bin`, segments: 1 });
  await sleep(700);
  expect(await first.end("SIGINT")).toBeLessThan(500);

  const second = await spawnDownloader(directory, { LEASE_MS: "60000" });
  expect(await second.until(id, isFinished)).toMatchObject({ state: "completed", attempts: 2 });
  expect(digest(await second.read("big.bin"))).toBe(digest(body));
  expect(Number(/\d+/.exec(origin.requests[1]?.headers.range ?? "")?.[0])).toBeGreaterThan(MIB);
});

test("killed again and again while it publishes, it loses nothing and doubles nothing", async () => {
  const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(2000)));
  const directory = await temporaryFolder();
  const env = { LEASE_MS: "500" };
  let downloader = await spawnDownloader(directory, env);
  const count = 150;
  const requests = Array.from({ length: count }, (_, n) => ({ url: `${origin.url}/file-${n}` }));
  await downloader.ask("POST", "/downloads", requests);
  for (const afterMs of [60, 150]) {
    await sleep(afterMs);
    await downloader.end("SIGKILL");
    downloader = await spawnDownloader(directory, env);
  }
  await everythingFinished(downloader, count);

  expect(await downloader.names()).toEqual(requests.map((_, n) => `file-${n}`).toSorted());
  await vi.waitFor(async () => {
    expect((await downloader.partials()).length).toBeLessThanOrEqual(8 * 3);
  });
  // What a death left between two steps is swept at the next start.
  await downloader.end("SIGTERM");
  downloader = await spawnDownloader(directory, env);
  await vi.waitFor(async () => expect(await downloader.partials()).toEqual([]));
});

test("two replicas on one volume share the work, and never do the same twice", async () => {
  const running = new Map<string, number>();
  let most = 0;
  const origin = await startOrigin(async (request, response) => {
    const key = request.url ?? "";
    running.set(key, (running.get(key) ?? 0) + 1);
    most = Math.max(most, running.get(key) ?? 0);
    await serveFile(request, response, bytesOf(4000), { slowly: { bytes: 2000, everyMs: 150 } });
  });
  const directory = await temporaryFolder();
  // A lease that a busy machine does not let run out: nobody is to be taken over from here.
  const replica = () => spawnDownloader(directory, { LEASE_MS: "15000" });
  const [first, second] = await Promise.all([replica(), replica()]);
  const requests = Array.from({ length: 60 }, (_, n) => ({ url: `${origin.url}/file-${n}` }));
  await first.ask("POST", "/downloads", requests);
  await everythingFinished(second, 60);
  expect(most).toBe(1);
  expect(origin.requests).toHaveLength(60);
  for (const { log } of [first, second]) expect(log()).toContain("download completed");
  expect(await first.names()).toHaveLength(60);
});

test("a replica removes what another one runs", async () => {
  let isOpen = true;
  const origin = await startOrigin((request, response) => {
    response.on("close", () => (isOpen = false));
    return serveFile(request, response, bytesOf(64 * MIB), { slowly: SLOWLY });
  });
  const directory = await temporaryFolder();
  const first = await spawnDownloader(directory, { LEASE_MS: "15000" });
  const { id } = await first.submit({ url: `${origin.url}/x` });
  await first.until(id, ({ state }) => state === "running");
  const second = await spawnDownloader(directory, { LEASE_MS: "15000" });
  expect((await second.ask("DELETE", `/downloads/${id}`)).status).toBe(204);
  await vi.waitFor(() => expect(isOpen).toBe(false), { timeout: 1_100, interval: 20 });
  expect(await second.partials()).toEqual([]);
  await sleep(200);
  expect(await second.names()).toEqual([]);
});

test("a replica that slept through its lease touches nothing when it wakes", async () => {
  const body = bytesOf(8 * MIB);
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, body, { slowly: SLOWLY }),
  );
  const directory = await temporaryFolder();
  const sleeper = await spawnDownloader(directory, { LEASE_MS: "1000" });
  const { id } = await sleeper.submit({ url: `${origin.url}/big.bin`, segments: 1 });
  await sleeper.until(id, ({ bytes }) => bytes > 0);
  sleeper.signal("SIGSTOP");
  const other = await spawnDownloader(directory, { LEASE_MS: "1000" });
  await other.until(id, ({ attempts }) => attempts === 2);
  sleeper.signal("SIGCONT");
  await other.until(id, isFinished);
  await sleep(300);
  expect(await other.get(id)).toMatchObject({ state: "completed", attempts: 2, file: { path: "/big.bin" } });
  expect(await other.names()).toEqual(["big.bin"]);
  expect(digest(await other.read("big.bin"))).toBe(digest(body));
  expect(sleeper.log()).toContain("given up");
});

test("credentials are in no answer, no error and no line of the log", async () => {
  const origin = await startOrigin((_request, response) => response.writeHead(500).end());
  const directory = await temporaryFolder();
  const downloader = await spawnDownloader(directory, { LOG_LEVEL: "trace", MAX_ATTEMPTS: "2" });
  const { id } = await downloader.submit({
    url: `${origin.url}/x?signature=topsecret`,
    headers: { authorization: "Bearer topsecret", cookie: "a=topsecret" },
  });
  const download = await downloader.until(id, isFinished);
  expect(download.state).toBe("failed");
  expect(origin.requests[0]?.headers.authorization).toBe("Bearer topsecret");
  const { body } = await downloader.ask("GET", "/downloads");
  expect(JSON.stringify([download.headers, download.error])).not.toContain("topsecret");
  expect(JSON.stringify(body).replaceAll("signature=topsecret", "")).not.toContain("topsecret");
  expect(downloader.log()).not.toContain("topsecret");
});

test("a wrong configuration is told in full, and nothing starts", async () => {
  const directory = await temporaryFolder();
  await expect(spawnDownloader(directory, { DATABASE_URL: "mysql://x", LEASE_MS: "0" })).rejects.toThrow(
    /DATABASE_URL must be a URL such as postgres:[^]*LEASE_MS must be/,
  );
  expect(await createClient(() => Promise.reject(new Error("not asked")), directory).names()).toEqual([]);
});
