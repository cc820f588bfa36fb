import { describe, expect, test, vi } from "vitest";

import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";
import type { DownloadBody } from "./download-schema.ts";

/** Nothing answers there, and nothing is asked: the downloads are not due. */
const URL = "https://example.com/a.bin";
const LATER = new Date(Date.now() + 3_600_000).toISOString();

interface Page {
  downloads: DownloadBody[];
  next: string | null;
}

interface Problem {
  code: string;
  status: number;
  detail: string;
}

describe("a submission", () => {
  test("is answered with the download and where it is", async () => {
    const downloader = await startDownloader();
    const request = {
      url: `${URL}#fragment`,
      path: "music",
      filename: "b.bin",
      onConflict: "fail",
      headers: { Authorization: "Bearer secret" },
      checksum: `MD5=${"AB".repeat(16)}`,
      maxBytes: 10,
      priority: 3,
      notBefore: LATER,
    };
    const { status, headers, body } = await downloader.ask<DownloadBody>("POST", "/downloads", request);
    expect(status).toBe(201);
    expect(headers["location"]).toBe(`/downloads/${body.id}`);
    expect(body).toEqual({
      ...request,
      id: body.id,
      url: URL,
      state: "queued",
      path: "/music/",
      headers: { authorization: "[redacted]" },
      checksum: `md5=${"ab".repeat(16)}`,
      bytes: 0,
      total: null,
      speed: 0,
      etaMs: null,
      attempts: 0,
      error: null,
      file: null,
      createdAt: body.createdAt,
      startedAt: null,
      endedAt: null,
    });
    expect((await downloader.ask("GET", `/downloads/${body.id}`)).body).toEqual(body);
  });

  test.each([
    ["no body", undefined, 400, "INVALID_REQUEST"],
    ["no object", 3, 400, "INVALID_REQUEST"],
    ["no URL", {}, 400, "INVALID_REQUEST"],
    ["a URL of another type", { url: 7 }, 400, "INVALID_REQUEST"],
    ["no absolute URL", { url: "/x" }, 400, "URL_INVALID"],
    ["a URL without a scheme", { url: "//example.com/x" }, 400, "URL_INVALID"],
    ["a scheme that is not fetched", { url: "ftp://example.com/x" }, 422, "URL_FORBIDDEN"],
    ["credentials in the URL", { url: "https://me:secret@example.com/" }, 422, "URL_FORBIDDEN"],
    ["a port that is not allowed", { url: "https://example.com:22/" }, 422, "URL_FORBIDDEN"],
    ["a private address", { url: "http://10.0.0.1/" }, 422, "URL_FORBIDDEN"],
    ["a local name", { url: "http://localhost/" }, 422, "URL_FORBIDDEN"],
    ["a path that leads out", { url: URL, path: "/a/../../b" }, 400, "PATH_INVALID"],
    ["a path into what is ours", { url: URL, path: "/.wharf/partial" }, 400, "PATH_INVALID"],
    ["a filename with a slash", { url: URL, filename: "a/b" }, 400, "PATH_INVALID"],
    ["a filename of dots", { url: URL, filename: ".." }, 400, "PATH_INVALID"],
    ["a filename of nothing else", { url: URL, filename: "... " }, 400, "PATH_INVALID"],
    ["a filename that is too long", { url: URL, filename: "x".repeat(256) }, 400, "PATH_INVALID"],
    ["an unknown conflict rule", { url: URL, onConflict: "merge" }, 400, "INVALID_REQUEST"],
    ["a header of ours", { url: URL, headers: { Range: "bytes=0-" } }, 400, "HEADER_FORBIDDEN"],
    ["a header with two lines", { url: URL, headers: { a: "secret\r\nb: c" } }, 400, "HEADER_FORBIDDEN"],
    ["no checksum", { url: URL, checksum: "sha-256=xyz" }, 400, "CHECKSUM_INVALID"],
    ["a negative limit", { url: URL, maxBytes: -1 }, 400, "INVALID_REQUEST"],
    ["no time", { url: URL, notBefore: "tomorrow" }, 400, "INVALID_REQUEST"],
  ])("with %s is refused", async (_what, request, status, code) => {
    const downloader = await startDownloader({ ALLOW_NETWORKS: "", ALLOW_PORTS: "" });
    const answer = await downloader.ask<Problem>("POST", "/downloads", request);
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect((await downloader.ask<Page>("GET", "/downloads")).body.downloads).toEqual([]);
  });

  test("with options there are none of is refused, naming them", async () => {
    const downloader = await startDownloader();
    const { status, body } = await downloader.ask<Problem>("POST", "/downloads", {
      url: URL,
      segments: 4,
      webhook: "x",
    });
    expect(status).toBe(400);
    expect(body.code).toBe("INVALID_REQUEST");
    expect(body.detail).toContain("segments, webhook");
  });
});

describe("an array", () => {
  test("is answered in its order, and one bad element does not spoil the others", async () => {
    const downloader = await startDownloader();
    const { status, body } = await downloader.ask<{
      results: { status: number; problem?: Problem; download?: DownloadBody }[];
    }>("POST", "/downloads", [
      { url: `${URL}?1`, notBefore: LATER },
      { url: "nothing" },
      7,
      { url: `${URL}?2`, notBefore: LATER },
      { url: URL, x: 1 },
    ]);
    expect(status).toBe(200);
    expect(body.results.map((each) => each.status)).toEqual([201, 400, 400, 201, 400]);
    expect(body.results.map(({ download, problem }) => download?.url ?? problem?.code)).toEqual([
      `${URL}?1`,
      "URL_INVALID",
      "INVALID_REQUEST",
      `${URL}?2`,
      "INVALID_REQUEST",
    ]);
    expect((await downloader.ask<Page>("GET", "/downloads")).body.downloads).toHaveLength(2);
  });

  test("of 1,000 is answered quickly, one of 1,001 not at all", async () => {
    const downloader = await startDownloader({ DURABILITY: "full" });
    const requests = Array.from({ length: 1000 }, (_, n) => ({ url: `${URL}?${n}`, notBefore: LATER }));
    const start = performance.now();
    const { body } = await downloader.ask<{ results: { status: number }[] }>("POST", "/downloads", requests);
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(body.results.every(({ status }) => status === 201)).toBe(true);
    const tooMany = await downloader.ask<Problem>("POST", "/downloads", [...requests, { url: URL }]);
    expect(tooMany).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect((await downloader.ask("GET", "/stats")).body).toMatchObject({ states: { queued: 1000 } });
  });

  test("may be empty", async () => {
    const downloader = await startDownloader();
    expect(await downloader.ask("POST", "/downloads", [])).toMatchObject({
      status: 200,
      body: { results: [] },
    });
  });
});

describe("a listing", () => {
  test("is newest first, in pages", async () => {
    const downloader = await startDownloader();
    const requests = Array.from({ length: 5 }, (_, n) => ({ url: `${URL}?${n}`, notBefore: LATER }));
    await downloader.ask("POST", "/downloads", requests);
    const first = (await downloader.ask<Page>("GET", "/downloads?limit=3")).body;
    const second = (await downloader.ask<Page>("GET", `/downloads?limit=3&cursor=${first.next}`)).body;
    expect([...first.downloads, ...second.downloads].map(({ url }) => url)).toEqual(
      requests.map(({ url }) => url).toReversed(),
    );
    expect(second.next).toBeNull();
    expect(
      (await downloader.ask<Page>("GET", "/downloads?q=BIN%3F4&state=queued")).body.downloads,
    ).toHaveLength(1);
    expect((await downloader.ask<Page>("GET", "/downloads?state=failed")).body.downloads).toEqual([]);
  });

  test.each(["limit=0", "limit=1001", "limit=x", "state=lost", "cursor=!", "cursor=eHg"])(
    "with %s is refused",
    async (query) => {
      const downloader = await startDownloader();
      expect(await downloader.ask("GET", `/downloads?${query}`)).toMatchObject({
        status: 400,
        body: { code: "INVALID_REQUEST" },
      });
    },
  );
});

describe("a removal", () => {
  test("of a download that runs ends it within a second, and leaves nothing", async () => {
    let isOpen = true;
    const origin = await startOrigin((request, response) => {
      response.on("close", () => (isOpen = false));
      return serveFile(request, response, bytesOf(1 << 20), { slowly: { bytes: 1024, everyMs: 20 } });
    });
    const downloader = await startDownloader();
    const { id } = await downloader.submit({ url: `${origin.url}/x` });
    await downloader.until(id, ({ bytes }) => bytes > 0);
    expect((await downloader.ask("DELETE", `/downloads/${id}`)).status).toBe(204);
    expect((await downloader.ask("GET", `/downloads/${id}`)).status).toBe(404);
    await vi.waitFor(() => expect(isOpen).toBe(false), 1_100);
    await vi.waitFor(async () => expect(await downloader.partials()).toEqual([]));
    expect(await downloader.names()).toEqual([]);
  });

  test("of one that is completed leaves the file, unless it is to go too", async () => {
    const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(10)));
    const downloader = await startDownloader();
    const kept = await downloader.fetch({ url: `${origin.url}/kept` });
    const gone = await downloader.fetch({ url: `${origin.url}/gone` });
    expect((await downloader.ask("DELETE", `/downloads/${kept.id}`)).status).toBe(204);
    expect((await downloader.ask("DELETE", `/downloads/${gone.id}?file=true`)).status).toBe(204);
    expect(await downloader.names()).toEqual(["kept"]);
  });

  test("of one whose file has gone is no error", async () => {
    const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(10)));
    const downloader = await startDownloader();
    const [first, second] = [
      await downloader.fetch({ url: `${origin.url}/x` }),
      await downloader.fetch({ url: `${origin.url}/x`, onConflict: "overwrite" }),
    ];
    for (const { id } of [first, second]) {
      expect((await downloader.ask("DELETE", `/downloads/${id}?file=true`)).status).toBe(204);
    }
    expect(await downloader.names()).toEqual([]);
  });

  test("of an unknown one is 404", async () => {
    const downloader = await startDownloader();
    for (const method of ["GET", "DELETE"] as const) {
      expect(await downloader.ask(method, "/downloads/unknown")).toMatchObject({
        status: 404,
        body: { code: "DOWNLOAD_UNKNOWN" },
      });
    }
  });
});

describe("the service itself", () => {
  test("is ready, described, and shows its description first", async () => {
    const downloader = await startDownloader();
    expect((await downloader.ask("GET", "/readyz")).status).toBe(200);
    const { body } = await downloader.ask<{ openapi: string; paths: Record<string, unknown> }>(
      "GET",
      "/openapi.json",
    );
    expect(body.openapi).toBe("3.1.0");
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(["/downloads", "/downloads/{id}", "/stats"]),
    );
  });

  test("counts", async () => {
    const downloader = await startDownloader();
    expect((await downloader.ask("GET", "/stats")).body).toEqual({
      states: { queued: 0, running: 0, completed: 0, failed: 0, canceled: 0 },
      bytes: 0,
      speed: 0,
    });
  });
});
