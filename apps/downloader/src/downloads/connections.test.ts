import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, rangeOf, serveFile, startOrigin, type Answer } from "../testing/origin.ts";

const MIB = 1 << 20;
const BODY = bytesOf(8 * MIB);
/** Slow enough for another connection to be worth it. */
const SLOWLY = { bytes: 32 << 10, everyMs: 4 };

const isPart = ({ headers }: IncomingMessage): boolean => headers.range !== undefined;

/** Fetches {@link BODY} from a source that answers its first request slowly, and further ones as `extra` says. */
async function fetchFrom(extra: Answer, request: Record<string, unknown> = {}, env = {}) {
  let sent = 0;
  const counted: Answer = (each, response, count) => {
    const { socket } = response;
    response.once("close", () => (sent += socket?.bytesWritten ?? 0));
    return isPart(each) ? extra(each, response, count) : serveFile(each, response, BODY, { slowly: SLOWLY });
  };
  const origin = await startOrigin(counted);
  const downloader = await startDownloader(env);
  const download = await downloader.fetch({ url: `${origin.url}/file`, ...request });
  const file = download.file ? await downloader.read(download.file.path) : undefined;
  return { download, requests: origin.requests, isWhole: file?.equals(BODY), sent: () => sent };
}

const well: Answer = (request, response) => serveFile(request, response, BODY, { slowly: SLOWLY });
const refuse =
  (status: number) =>
  (_request: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(status).end();

test("a slow file comes over several connections, and each byte about once", async () => {
  const { download, requests, isWhole, sent } = await fetchFrom(well);
  expect(download).toMatchObject({ state: "completed", attempts: 1, bytes: BODY.length });
  expect(isWhole).toBe(true);
  expect(requests.length).toBeGreaterThanOrEqual(3);
  for (const request of requests.slice(1)) {
    expect(request.headers).toMatchObject({ "if-range": '"v1"' });
    expect(rangeOf(request, BODY.length)).toBeDefined();
  }
  expect(sent()).toBeLessThan(BODY.length * 1.3);
});

test.each([
  ["by the download", { segments: 1 }, {}],
  ["by the configuration", {}, { SEGMENTS: "1" }],
  ["by the limit of its host", {}, { MAX_PER_HOST: "1" }],
])("one connection is used when no more are wanted: %s", async (_by, request, env) => {
  const { isWhole, requests } = await fetchFrom(well, request, env);
  expect(isWhole).toBe(true);
  expect(requests).toHaveLength(1);
});

describe("the transfer goes on with fewer connections, in one attempt, when further ones are", () => {
  const reset: Answer = (_request, response) => response.socket?.resetAndDestroy();
  const ignore: Answer = (_request, response) =>
    serveFile({ headers: {} } as IncomingMessage, response, BODY);
  const otherVersion: Answer = (request, response) =>
    serveFile(request, response, bytesOf(BODY.length, 2), { etag: '"v2"' });
  const otherVersionAsPart: Answer = (request, response) => {
    delete request.headers["if-range"];
    return serveFile(request, response, bytesOf(BODY.length, 2), { headers: { etag: '"v2"' } });
  };
  const otherPart: Answer = (request, response) => {
    request.headers.range = "bytes=0-99";
    return serveFile(request, response, BODY);
  };
  const otherTotal: Answer = (request, response) => serveFile(request, response, bytesOf(BODY.length + 1));
  test.each([
    ["refused with 429", refuse(429)],
    ["refused with 503", refuse(503)],
    ["refused with 403", refuse(403)],
    ["reset", reset],
    ["answered with everything", ignore],
    ["answered with another version", otherVersion],
    ["answered with a part of another version", otherVersionAsPart],
    ["answered with another part", otherPart],
    ["answered with a part of another total", otherTotal],
  ])("%s", async (_how, extra) => {
    const { download, requests, isWhole } = await fetchFrom(extra);
    expect(download).toMatchObject({ state: "completed", attempts: 1 });
    expect(isWhole).toBe(true);
    // Not asked over and over: three at the start, and those that are asked again in another way.
    expect(requests.length).toBeLessThan(10);
  });
});

test("what one connection leaves undone the others bring, in the same attempt", async () => {
  let drops = 0;
  const { download, isWhole, sent } = await fetchFrom((request, response) =>
    serveFile(request, response, BODY, { slowly: SLOWLY, ...(drops++ < 3 && { dropAfter: 200_000 }) }),
  );
  expect(drops).toBeGreaterThan(3);
  expect(download).toMatchObject({ state: "completed", attempts: 1 });
  expect(isWhole).toBe(true);
  expect(sent()).toBeLessThan(BODY.length * 1.3);
});

test("a part that comes shorter than asked for is no loss", async () => {
  const { isWhole } = await fetchFrom((request, response) => {
    const { start, end } = rangeOf(request, BODY.length) ?? { start: 0, end: 0 };
    request.headers.range = `bytes=${start}-${Math.min(end, start + 300_000) - 1}`;
    return serveFile(request, response, BODY, { slowly: SLOWLY });
  });
  expect(isWhole).toBe(true);
});

test("several gaps are closed over one connection, where its host is to have no more", async () => {
  const origin = await startOrigin((request, response, count) => {
    const range = rangeOf(request, BODY.length);
    if (range) request.headers.range = `bytes=${range.start}-${Math.min(range.end, range.start + MIB) - 1}`;
    return serveFile(request, response, BODY, count === 1 ? { dropAfter: 3 * MIB } : {});
  });
  const downloader = await startDownloader({ MAX_PER_HOST: "1" });
  const download = await downloader.fetch({ url: `${origin.url}/file` });
  expect(download).toMatchObject({ state: "completed", attempts: 2 });
  expect(await downloader.read("file")).toEqual(BODY);
});

test("a URL that a redirect has led to may expire: the next attempt asks from the beginning", async () => {
  let expired = 0;
  const there = await startOrigin((request, response) => {
    const isFresh = request.url === `/signed-${expired}`;
    if (!isFresh) return response.writeHead(403).end();
    const range = rangeOf(request, BODY.length);
    if (range)
      request.headers.range = `bytes=${range.start}-${Math.min(range.end, range.start + 2 * MIB) - 1}`;
    expired++;
    return serveFile(request, response, BODY, range ? {} : { dropAfter: 3 * MIB });
  });
  const origin = await startOrigin((_request, response) =>
    response.writeHead(302, { location: `${there.url}/signed-${expired}` }).end(),
  );
  const downloader = await startDownloader({ SEGMENTS: "1" });
  const download = await downloader.fetch({ url: `${origin.url}/file`, filename: "file" });
  expect(download).toMatchObject({ state: "completed" });
  expect(await downloader.read("file")).toEqual(BODY);
});

test("a part of nobody knows how much is not taken for the rest", async () => {
  const origin = await startOrigin(async (request, response, count) => {
    const range = rangeOf(request, BODY.length);
    if (!range) {
      response.writeHead(200, { etag: '"v1"' });
      if (count > 1) return response.end(BODY);
      response.write(BODY.subarray(0, 4 * MIB));
      await sleep(2_500); // past a checkpoint
      return response.destroy();
    }
    const part = BODY.subarray(range.start, range.start + MIB);
    const contentRange = `bytes ${range.start}-${range.start + part.length - 1}/*`;
    return response.writeHead(206, { etag: '"v1"', "content-range": contentRange }).end(part);
  });
  const downloader = await startDownloader({ DURABILITY: "full" });
  expect(await downloader.fetch({ url: `${origin.url}/file` })).toMatchObject({ state: "completed" });
  expect(await downloader.read("file")).toEqual(BODY);
});

test.each([
  ["without a strong validator", { etag: 'W/"v1"' }],
  ["that says it has no ranges", { "accept-ranges": "none" }],
])("a source %s is asked once", async (_what, headers) => {
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, BODY, { slowly: SLOWLY, headers }),
  );
  const downloader = await startDownloader();
  await downloader.fetch({ url: `${origin.url}/file` });
  expect(await downloader.read("file")).toEqual(BODY);
  expect(origin.requests).toHaveLength(1);
});

test("further connections go straight to whom a redirect has led, without headers that were not for it", async () => {
  const there = await startOrigin(well);
  const origin = await startOrigin((_request, response) =>
    response.writeHead(302, { location: `${there.url}/there` }).end(),
  );
  const downloader = await startDownloader();
  await downloader.fetch({ url: `${origin.url}/file`, headers: { "x-key": "secret" } });
  expect(await downloader.read("there")).toEqual(BODY);
  expect(origin.requests).toHaveLength(1);
  expect(origin.requests[0]?.headers["x-key"]).toBe("secret");
  expect(there.requests.length).toBeGreaterThan(1);
  for (const { headers } of there.requests) expect(headers["x-key"]).toBeUndefined();
});

test("what a source states of the whole file is verified", async () => {
  const downloader = await startDownloader();
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, bytesOf(100), {
      headers: {
        "content-md5": request.url === "/good" ? "P/DWQrJvFS94TGaFZLuaxQ==" : "1B2M2Y8AsgTpgAmY7PhCfg==",
      },
    }),
  );
  expect(await downloader.fetch({ url: `${origin.url}/bad` })).toMatchObject({
    state: "failed",
    error: {
      code: "CHECKSUM_MISMATCH",
      detail: "The file's checksum is not the one that the server states.",
    },
  });
  expect(await downloader.names()).toEqual([]);
  expect(await downloader.partials()).toEqual([]);
  expect(await downloader.fetch({ url: `${origin.url}/good` })).toMatchObject({ state: "completed" });
});
