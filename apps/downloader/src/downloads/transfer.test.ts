import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { beforeEach, expect, test, vi } from "vitest";

import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";

const MIB = 1 << 20;

// No back-off: full jitter has been dealt its lowest.
beforeEach(() => {
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  return () => random.mockRestore();
});

test("a file is fetched whole, under the last segment of its URL, with its modification time", async () => {
  const body = bytesOf(3 * MIB + 17);
  const modified = "Wed, 21 Oct 2015 07:28:00 GMT";
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, body, { headers: { "last-modified": modified } }),
  );
  const downloader = await startDownloader();

  const download = await downloader.fetch({ url: `${origin.url}/some/a%20b.bin?query`, path: "/new/folder" });

  expect(download).toMatchObject({
    state: "completed",
    filename: "a b.bin",
    bytes: body.length,
    total: body.length,
    speed: 0,
    attempts: 1,
    error: null,
    file: { path: "/new/folder/a b.bin", url: "/files/new/folder/a%20b.bin" },
  });
  expect(download.endedAt).not.toBeNull();
  expect(await downloader.read("new/folder/a b.bin")).toEqual(body);
  expect((await stat(join(downloader.directory, "new/folder/a b.bin"))).mtime).toEqual(new Date(modified));
  await vi.waitFor(async () => expect(await downloader.partials()).toEqual([]));
  expect(origin.requests[0]?.headers["accept-encoding"]).toBe("identity");
});

test("an empty file is a file", async () => {
  const origin = await startOrigin((request, response) => serveFile(request, response, Buffer.alloc(0)));
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/empty` })).toMatchObject({
    state: "completed",
    bytes: 0,
  });
  expect(await downloader.names()).toEqual(["empty"]);
});

test("a body of unknown length is taken to its end", async () => {
  const origin = await startOrigin((_request, response) => {
    response.write("one ");
    setTimeout(() => response.end("two"), 30);
  });
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({ state: "completed", total: 7 });
  expect((await downloader.read("x")).toString()).toBe("one two");
});

test("the name of the Content-Disposition field is made safe", async () => {
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, bytesOf(10), {
      headers: { "content-disposition": 'attachment; filename="../../etc/passwd"' },
    }),
  );
  const downloader = await startDownloader();
  expect((await downloader.fetch({ url: `${origin.url}/x` })).file?.path).toBe("/passwd");
});

test("a name in raw UTF-8 is read as what it is, and a field sent twice does no harm", async () => {
  const field = Buffer.from('attachment; filename="naïve.txt"').toString("latin1");
  const origin = await startOrigin((_request, response) => {
    response.setHeader("content-disposition", [field, field]);
    response.setHeader("etag", ['"a"', '"b"']);
    response.end("text");
  });
  const downloader = await startDownloader();
  expect((await downloader.fetch({ url: `${origin.url}/x` })).file?.path).toBe("/naïve.txt");
});

test("a drop is gone on from with If-Range, and only the rest is fetched", async () => {
  const body = bytesOf(4 * MIB);
  const origin = await startOrigin((request, response, count) =>
    serveFile(request, response, body, count === 1 ? { dropAfter: 3 * MIB } : {}),
  );
  const downloader = await startDownloader();

  const download = await downloader.fetch({ url: `${origin.url}/x` });

  expect(download).toMatchObject({ state: "completed", attempts: 2, bytes: body.length });
  expect(await downloader.read("x")).toEqual(body);
  expect(origin.requests).toHaveLength(2);
  expect(origin.requests[1]?.headers["if-range"]).toBe('"v1"');
  const [, from] = /^bytes=(\d+)-$/.exec(origin.requests[1]?.headers.range ?? "") ?? [];
  expect(Number(from)).toBeGreaterThan(MIB);
});

test("a version that changed is fetched from the start, and no byte of the old one is in it", async () => {
  const old = bytesOf(4 * MIB, 1);
  const changed = bytesOf(4 * MIB, 2);
  const origin = await startOrigin((request, response, count) =>
    count === 1
      ? serveFile(request, response, old, { dropAfter: 3 * MIB })
      : serveFile(request, response, changed, { etag: '"v2"' }),
  );
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "completed",
    attempts: 2,
  });
  expect(await downloader.read("x")).toEqual(changed);
  expect(origin.requests).toHaveLength(2);
});

test("a 206 of another version than was asked for is not appended", async () => {
  const old = bytesOf(2 * MIB, 1);
  const changed = bytesOf(2 * MIB, 2);
  const origin = await startOrigin((request, response, count) => {
    if (count === 1) return serveFile(request, response, old, { dropAfter: 1.5 * MIB });
    if (request.headers.range !== undefined) request.headers["if-range"] = '"v2"'; // heedless of If-Range
    return serveFile(request, response, changed, { etag: '"v2"' });
  });
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({ state: "completed" });
  expect(await downloader.read("x")).toEqual(changed);
});

test("a 200 to a range is not appended", async () => {
  const body = bytesOf(2 * MIB);
  const origin = await startOrigin((request, response, count) => {
    delete request.headers.range;
    return serveFile(request, response, body, count === 1 ? { dropAfter: 1.5 * MIB } : {});
  });
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({ state: "completed" });
  expect(await downloader.read("x")).toEqual(body);
});

test("a server that answers 200 to an If-Range that matches is asked with a plain Range", async () => {
  const body = bytesOf(4 * MIB);
  const origin = await startOrigin((request, response, count) => {
    if (request.headers["if-range"] !== undefined) delete request.headers.range;
    return serveFile(request, response, body, count === 1 ? { dropAfter: 3 * MIB } : {});
  });
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({ state: "completed" });
  expect(await downloader.read("x")).toEqual(body);
  expect(origin.requests.map(({ headers }) => [headers.range !== undefined, "if-range" in headers])).toEqual([
    [false, false],
    [false, true],
    [true, false],
  ]);
});

test("what has only a weak validator is never gone on from", async () => {
  const body = bytesOf(2 * MIB);
  const origin = await startOrigin((request, response, count) =>
    serveFile(request, response, body, { etag: 'W/"v1"', ...(count === 1 && { dropAfter: MIB }) }),
  );
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "completed",
    attempts: 2,
  });
  expect(origin.requests[1]?.headers.range).toBeUndefined();
  expect(await downloader.read("x")).toEqual(body);
});

test("a body shorter than announced is no file, however often it comes", async () => {
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, bytesOf(1000), { etag: 'W/"1"', dropAfter: 900 }),
  );
  const downloader = await startDownloader({ MAX_ATTEMPTS: "3" });
  const download = await downloader.fetch({ url: `${origin.url}/x` });
  expect(download).toMatchObject({ state: "failed", attempts: 3, file: null });
  expect(download.error?.code).toMatch(/^(BODY_TRUNCATED|CONNECTION_FAILED)$/);
  expect(await downloader.names()).toEqual([]);
});

test("a source that brings a little more each time is not given up", async () => {
  const body = bytesOf(400_000);
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, body, { dropAfter: 100_000 }),
  );
  const downloader = await startDownloader({ MAX_ATTEMPTS: "2" });
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "completed",
    attempts: 4,
  });
  expect(await downloader.read("x")).toEqual(body);
});

test("a 503 is tried again, not before its Retry-After", async () => {
  const times: number[] = [];
  const origin = await startOrigin((request, response, count) => {
    times.push(performance.now());
    if (count === 1) return response.writeHead(503, { "retry-after": "1" }).end();
    return serveFile(request, response, bytesOf(10));
  });
  const downloader = await startDownloader();
  const { id } = await downloader.submit({ url: `${origin.url}/x` });
  const waiting = await downloader.until(id, ({ error }) => error !== null);
  expect(waiting).toMatchObject({
    state: "queued",
    error: { code: "HTTP_STATUS", detail: "The server answered 503 Service Unavailable." },
  });
  expect(waiting.notBefore).not.toBeNull();
  expect(await downloader.until(id, ({ state }) => state === "completed")).toMatchObject({
    error: null,
    attempts: 2,
  });
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
});

test.each([404, 403, 410, 416])("a %i fails at once", async (status) => {
  const origin = await startOrigin((_request, response) => response.writeHead(status).end("no"));
  const downloader = await startDownloader();
  const download = await downloader.fetch({ url: `${origin.url}/x` });
  expect(download).toMatchObject({ state: "failed", attempts: 1, error: { code: "HTTP_STATUS" } });
  expect(download.error?.detail).toContain(`The server answered ${status}`);
  expect(origin.requests).toHaveLength(1);
});

test.each([408, 425, 429, 500, 502])("a %i is tried again", async (status) => {
  const origin = await startOrigin((request, response, count) =>
    count === 1 ? response.writeHead(status).end() : serveFile(request, response, bytesOf(5)),
  );
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "completed",
    attempts: 2,
  });
});

test("a stall is noticed and tried again", async () => {
  const origin = await startOrigin((request, response, count) => {
    if (count > 1) return serveFile(request, response, bytesOf(1000));
    response.writeHead(200, { "content-length": 1000 });
    return response.write("a beginning");
  });
  const downloader = await startDownloader({ STALL_TIMEOUT_MS: "200" });
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "completed",
    attempts: 2,
  });
});

test("a server that does not answer in time is tried again", async () => {
  const origin = await startOrigin((request, response, count) =>
    count > 1 ? serveFile(request, response, bytesOf(10)) : undefined,
  );
  const downloader = await startDownloader({ HEADERS_TIMEOUT_MS: "300" });
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "completed",
    attempts: 2,
  });
});

test("a refused connection is tried again, and the error names no address", async () => {
  const downloader = await startDownloader({ MAX_ATTEMPTS: "2" });
  const download = await downloader.fetch({ url: "http://127.0.0.1:1/x" });
  expect(download).toMatchObject({ state: "failed", attempts: 2, error: { code: "CONNECTION_FAILED" } });
  expect(download.error?.detail).not.toMatch(/127|ECONN/);
});

test("a limit on bytes is judged by the head", async () => {
  const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(1001)));
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x`, maxBytes: 1000 })).toMatchObject({
    state: "failed",
    attempts: 1,
    bytes: 0,
    error: { code: "TOO_LARGE" },
  });
});

test("a limit on bytes is judged by what comes, when the head does not say", async () => {
  const origin = await startOrigin((_request, response) => {
    response.write(bytesOf(600));
    setTimeout(() => response.end(bytesOf(600)), 50);
  });
  const downloader = await startDownloader({ MAX_BYTES: "1000" });
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "failed",
    error: { code: "TOO_LARGE" },
  });
  expect(await downloader.names()).toEqual([]);
});

test("a checksum that matches lets the file through, in hex and in base64", async () => {
  const body = bytesOf(100_000);
  const origin = await startOrigin((request, response) => serveFile(request, response, body));
  const downloader = await startDownloader();
  const hash = (name: string) => createHash(name).update(body);
  for (const checksum of [
    `sha-256=${hash("sha256").digest("hex")}`,
    `sha-512=${hash("sha512").digest("base64")}`,
    `md5=${hash("md5").digest("hex").toUpperCase()}`,
    `sha-1=:${hash("sha1").digest("base64")}:`,
  ]) {
    expect(await downloader.fetch({ url: `${origin.url}/x`, checksum })).toMatchObject({
      state: "completed",
    });
  }
});

test("a checksum that does not match publishes nothing", async () => {
  const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(1000)));
  const downloader = await startDownloader();
  const download = await downloader.fetch({ url: `${origin.url}/x`, checksum: `sha-256=${"0".repeat(64)}` });
  expect(download).toMatchObject({ state: "failed", attempts: 1, error: { code: "CHECKSUM_MISMATCH" } });
  expect(await downloader.names()).toEqual([]);
  await vi.waitFor(async () => expect(await downloader.partials()).toEqual([]));
});

test("a body in an encoding that was not asked for is no file", async () => {
  const origin = await startOrigin((request, response) =>
    serveFile(request, response, bytesOf(10), { headers: { "content-encoding": "gzip" } }),
  );
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/x` })).toMatchObject({
    state: "failed",
    error: { code: "CONTENT_ENCODED" },
  });
});

test("at most so many run at once on one host, and another host need not wait", async () => {
  const held: (() => void)[] = [];
  const hold = (request: IncomingMessage, response: ServerResponse): void => {
    held.push(() => void serveFile(request, response, bytesOf(10)));
  };
  const [busy, other] = [await startOrigin(hold), await startOrigin(hold)];
  const downloader = await startDownloader({ MAX_PER_HOST: "2", MAX_ACTIVE: "4" });
  const requests = Array.from({ length: 6 }, (_, n) => ({ url: `${busy.url}/${n}` }));
  await downloader.ask("POST", "/downloads", [...requests, { url: `${other.url}/other` }]);

  await vi.waitFor(() => expect(other.requests).toHaveLength(1));
  await sleep(600); // more than one look at the queue
  expect(busy.requests).toHaveLength(2);
  expect((await downloader.ask("GET", "/stats")).body).toMatchObject({ states: { running: 3, queued: 4 } });

  await vi.waitFor(async () => {
    for (const answer of held.splice(0)) answer();
    expect(await downloader.names()).toHaveLength(7);
  }, 5000);
});

test("higher priority first, and nothing before its time", async () => {
  const order: string[] = [];
  const origin = await startOrigin((request, response) => {
    order.push(request.url ?? "");
    return serveFile(request, response, bytesOf(10));
  });
  const downloader = await startDownloader({ MAX_ACTIVE: "1" });
  await downloader.ask("POST", "/downloads", [
    { url: `${origin.url}/later`, priority: 9, notBefore: new Date(Date.now() + 3_000).toISOString() },
    { url: `${origin.url}/low`, priority: -1 },
    { url: `${origin.url}/high`, priority: 5 },
    { url: `${origin.url}/normal` },
  ]);
  await vi.waitFor(() => expect(order).toHaveLength(4), 20_000);
  expect(order).toEqual(["/high", "/normal", "/low", "/later"]);
});
