import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

import { describe, expect, test } from "vitest";

import { isFinished, startDownloader, type TestDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin, type Answer } from "../testing/origin.ts";

const MIB = 1 << 20;
const BODY = bytesOf(8 * MIB);
const SLOWLY = { bytes: 32 << 10, everyMs: 4 };
const PIECE_BYTES = MIB;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const WHOLE = `<hash type="sha-256">${sha256(BODY)}</hash>`;
const PIECES = `<pieces length="${PIECE_BYTES}" type="sha-256">${Array.from(
  { length: BODY.length / PIECE_BYTES },
  (_, n) => `<hash>${sha256(BODY.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES))}</hash>`,
).join("")}</pieces>`;

/** Each mirror has validators of its own, as they do. */
const well =
  (tag: string): Answer =>
  (request, response) =>
    serveFile(request, response, BODY, { etag: `"${tag}"`, slowly: SLOWLY });
/** One byte is another, at a place that only a later request asks for. */
const wrong: Answer = (request, response) => {
  const body = Buffer.from(BODY);
  body.writeUInt8(body.readUInt8(7 * MIB) ^ 1, 7 * MIB);
  return serveFile(request, response, body, { etag: '"wrong"', slowly: SLOWLY });
};
const missing: Answer = (_request, response) => response.writeHead(404).end();

async function submitMetalink(
  downloader: TestDownloader,
  urls: readonly string[],
  facts: string,
  size = BODY.length,
) {
  const xml = `<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="file.bin">
    <size>${size}</size>${facts}${urls.map((url, n) => `<url priority="${n + 1}">${url}</url>`).join("")}</file></metalink>`;
  const { status, body } = await downloader.ask<{ results: { download: { id: string } }[] }>(
    "POST",
    "/downloads",
    xml,
    {
      "content-type": "application/metalink4+xml",
    },
  );
  expect(status).toBe(200);
  return body.results[0]?.download.id ?? "";
}

async function fetchFrom(answers: readonly Answer[], facts: string, size?: number) {
  const origins = await Promise.all(answers.map((answer) => startOrigin(answer)));
  const downloader = await startDownloader();
  const urls = origins.map(({ url }, n) => `${url}/mirror-${n}`);
  const id = await submitMetalink(downloader, urls, facts, size);
  const download = await downloader.until(id, isFinished);
  const isWhole = download.file !== null && (await downloader.read("file.bin")).equals(BODY);
  return {
    download,
    isWhole,
    requests: origins.map((origin) => origin.requests as IncomingMessage[]),
    downloader,
  };
}

test("mirrors are used together when the whole file can be verified", async () => {
  const { download, isWhole, requests } = await fetchFrom([well("a"), well("b"), well("c")], WHOLE);
  expect(download).toMatchObject({ state: "completed", attempts: 1 });
  expect(isWhole).toBe(true);
  expect(requests.filter((each) => each.length > 0).length).toBeGreaterThan(1);
});

test("mirrors whose bytes nobody can verify are not joined", async () => {
  const { isWhole, requests } = await fetchFrom([well("a"), well("b")], "");
  expect(isWhole).toBe(true);
  expect(requests[1]).toEqual([]);
});

test("a drop is gone on from at another mirror only when the whole file can be verified", async () => {
  const dropped: Answer = (request, response, count) =>
    count === 1
      ? serveFile(request, response, BODY, { dropAfter: 3 * MIB, etag: '"a"' })
      : missing(request, response, count);
  const verified = await fetchFrom([dropped, well("b")], WHOLE);
  expect(verified.isWhole).toBe(true);
  expect(verified.requests[1]?.[0]?.headers.range).toMatch(/^bytes=[1-9]/);
  const unverified = await fetchFrom([dropped, well("b")], "");
  expect(unverified.isWhole).toBe(true);
  const [first] = unverified.requests[1] ?? [];
  expect(first?.headers["if-range"]).toBe('"a"'); // which is not "b"'s, and so it sends everything
});

test("a mirror that has not got the file gives way to the next, in the same attempt", async () => {
  const { download, isWhole } = await fetchFrom([missing, missing, well("c")], WHOLE);
  expect(download).toMatchObject({ state: "completed", attempts: 1 });
  expect(isWhole).toBe(true);
});

test("when none has it, the download has failed, as the last one says", async () => {
  const { download } = await fetchFrom([missing, missing], WHOLE);
  expect(download).toMatchObject({ state: "failed", attempts: 1, error: { code: "HTTP_STATUS" } });
});

test("a mirror whose file has another length gives way", async () => {
  const longer: Answer = (request, response) => serveFile(request, response, bytesOf(BODY.length + 4));
  const { isWhole } = await fetchFrom([longer, well("b")], WHOLE);
  expect(isWhole).toBe(true);
});

test("a file of another length than was stated is none, whoever sends it", async () => {
  const { download } = await fetchFrom([well("a")], "", BODY.length + 1);
  expect(download).toMatchObject({ state: "failed", error: { code: "SIZE_MISMATCH" } });
});

test("nobody is blamed for what was there before a restart", async () => {
  let isAway = false;
  const bad = await startOrigin((request, response, count) =>
    isAway ? response.destroy() : wrong(request, response, count),
  );
  const good = await startOrigin(well("b"));
  const first = await startDownloader({ SEGMENTS: "1" });
  const id = await submitMetalink(first, [`${bad.url}/1`, `${good.url}/2`], WHOLE);
  await first.until(id, ({ bytes }) => bytes > 7.2 * MIB);
  await first.close();
  isAway = true;
  const second = await startDownloader({ SEGMENTS: "1", LEASE_MS: "1000" }, first.directory);
  expect(await second.until(id, isFinished)).toMatchObject({ state: "completed" });
  expect(await second.read("file.bin")).toEqual(BODY);
});

describe("bytes that are wrong are fetched again from another mirror", () => {
  test.each([
    ["as the whole tells", WHOLE],
    ["as its pieces tell", PIECES],
    ["as both tell", WHOLE + PIECES],
  ])("%s", async (_how, facts) => {
    const { download, isWhole } = await fetchFrom([wrong, well("b")], facts);
    expect(download).toMatchObject({ state: "completed", attempts: 1 });
    expect(isWhole).toBe(true);
  });

  test("and when there is none, nothing is published", async () => {
    const { download, downloader } = await fetchFrom([wrong], WHOLE + PIECES);
    expect(download).toMatchObject({ state: "failed", error: { code: "CHECKSUM_MISMATCH" } });
    expect(await downloader.names()).toEqual([]);
  });
});
