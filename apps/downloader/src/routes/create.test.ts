import { describe, expect, test } from "vitest";

import { LATER, NOWHERE, type Page, type Problem, type Results } from "../testing/api.ts";
import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";
import type { DownloadBody } from "./download-schema.ts";

describe("a submission", () => {
  test("is answered with the download and where it is", async () => {
    const downloader = await startDownloader();
    const request = {
      url: `${NOWHERE}#fragment`,
      path: "music",
      filename: "b.bin",
      onConflict: "fail",
      headers: { Authorization: "Bearer secret" },
      checksum: `MD5=${"AB".repeat(16)}`,
      maxBytes: 10,
      priority: 3,
      segments: 16,
      speedLimit: 1_000_000,
      webhook: "https://hooks.example.com/x?secret=1#fragment",
      notBefore: LATER,
    };
    const { status, headers, body } = await downloader.ask<DownloadBody>("POST", "/downloads", request);
    expect(status).toBe(201);
    expect(headers["location"]).toBe(`/downloads/${body.id}`);
    expect(body).toEqual({
      ...request,
      id: body.id,
      url: NOWHERE,
      mirrors: [],
      state: "queued",
      path: "/music/",
      headers: { authorization: "[redacted]" },
      checksum: `md5=${"ab".repeat(16)}`,
      size: null,
      webhook: "https://hooks.example.com/x?[redacted]",
      bytes: 0,
      total: null,
      speed: 0,
      connections: 0,
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
    ["a URL that is its own content", { url: "data:text/plain,secret" }, 422, "URL_FORBIDDEN"],
    ["a file of ours", { url: "file:///etc/passwd" }, 422, "URL_FORBIDDEN"],
    ["a torrent", { url: "magnet:?xt=urn:btih:x" }, 422, "URL_FORBIDDEN"],
    ["credentials in the URL", { url: "https://me:secret@example.com/" }, 422, "URL_FORBIDDEN"],
    ["a port that is not allowed", { url: "https://example.com:22/" }, 422, "URL_FORBIDDEN"],
    ["a private address", { url: "http://10.0.0.1/" }, 422, "URL_FORBIDDEN"],
    ["a local name", { url: "http://localhost/" }, 422, "URL_FORBIDDEN"],
    ["a path that leads out", { url: NOWHERE, path: "/a/../../b" }, 400, "PATH_INVALID"],
    ["a path into what is ours", { url: NOWHERE, path: "/.wharf/partial" }, 400, "PATH_INVALID"],
    ["a filename with a slash", { url: NOWHERE, filename: "a/b" }, 400, "PATH_INVALID"],
    ["a filename of dots", { url: NOWHERE, filename: ".." }, 400, "PATH_INVALID"],
    ["a filename of nothing else", { url: NOWHERE, filename: "... " }, 400, "PATH_INVALID"],
    ["a filename that is too long", { url: NOWHERE, filename: "x".repeat(256) }, 400, "PATH_INVALID"],
    ["an unknown conflict rule", { url: NOWHERE, onConflict: "merge" }, 400, "INVALID_REQUEST"],
    ["a header of ours", { url: NOWHERE, headers: { Range: "bytes=0-" } }, 400, "HEADER_FORBIDDEN"],
    ["a header with two lines", { url: NOWHERE, headers: { a: "secret\r\nb: c" } }, 400, "HEADER_FORBIDDEN"],
    ["no checksum", { url: NOWHERE, checksum: "sha-256=xyz" }, 400, "CHECKSUM_INVALID"],
    ["a negative limit", { url: NOWHERE, maxBytes: -1 }, 400, "INVALID_REQUEST"],
    ["no connections", { url: NOWHERE, segments: 0 }, 400, "INVALID_REQUEST"],
    ["too many connections", { url: NOWHERE, segments: 17 }, 400, "INVALID_REQUEST"],
    ["half a connection", { url: NOWHERE, segments: 1.5 }, 400, "INVALID_REQUEST"],
    ["no speed", { url: NOWHERE, speedLimit: 0 }, 400, "INVALID_REQUEST"],
    ["no time", { url: NOWHERE, notBefore: "tomorrow" }, 400, "INVALID_REQUEST"],
  ])("with %s is refused", async (_what, request, status, code) => {
    const downloader = await startDownloader({ ALLOW_NETWORKS: "", ALLOW_PORTS: "" });
    const answer = await downloader.ask<Problem>("POST", "/downloads", request);
    expect(answer).toMatchObject({ status, body: { status, code } });
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect((await downloader.ask<Page>("GET", "/downloads")).body.downloads).toEqual([]);
  });

  test.each([
    ["no URL", "x", 400, "URL_INVALID"],
    ["another scheme", "mailto:me@example.com", 422, "URL_FORBIDDEN"],
    ["a private address", "http://[::1]/", 422, "URL_FORBIDDEN"],
    ["credentials", "https://me:secret@example.com/", 422, "URL_FORBIDDEN"],
  ])(
    "with a webhook of %s is refused, and told that it is the webhook",
    async (_what, webhook, status, code) => {
      const downloader = await startDownloader({ ALLOW_NETWORKS: "", ALLOW_PORTS: "" });
      const answer = await downloader.ask<Problem>("POST", "/downloads", { url: NOWHERE, webhook });
      expect(answer).toMatchObject({ status, body: { code } });
      expect(answer.body.detail).toMatch(/^The webhook: /);
      expect(answer.body.detail).not.toContain("secret");
    },
  );

  test("may ask for no limit of speed", async () => {
    const downloader = await startDownloader();
    const request = { url: NOWHERE, speedLimit: null, notBefore: LATER };
    expect(await downloader.submit(request)).toMatchObject({
      speedLimit: null,
      segments: null,
      webhook: null,
    });
  });

  test.each(["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z"])(
    "not before %s is due at once",
    async (notBefore) => {
      const origin = await startOrigin((request, response) => serveFile(request, response, bytesOf(10)));
      const downloader = await startDownloader();
      const { state } = await downloader.fetch({ url: `${origin.url}/x`, notBefore });
      expect(state).toBe("completed");
      const { body } = await downloader.ask<Results>(
        "PUT",
        `/downloads?notBefore=${notBefore}`,
        `${origin.url}/y`,
      );
      const id = body.results[0]?.download?.id ?? "";
      await downloader.until(id, (download) => download.state === "completed");
    },
  );

  test("not before a second that no clock counts is refused, and it alone", async () => {
    const downloader = await startDownloader();
    const notBefore = "2016-12-31T23:59:60Z";
    const array = [
      { url: NOWHERE, notBefore },
      { url: NOWHERE, notBefore: LATER },
    ];
    const { status, body } = await downloader.ask<Results>("POST", "/downloads", array);
    expect(status).toBe(200);
    expect(body.results).toMatchObject([
      {
        status: 400,
        problem: { code: "INVALID_REQUEST", detail: expect.stringContaining("notBefore") as string },
      },
      { status: 201 },
    ]);
    const list = await downloader.ask<Results>("PUT", `/downloads?notBefore=${notBefore}`, NOWHERE);
    expect(list.body.results).toMatchObject([{ status: 400, problem: { code: "INVALID_REQUEST" } }]);
  });

  test("with options there are none of is refused, naming them", async () => {
    const downloader = await startDownloader();
    const { status, body } = await downloader.ask<Problem>("POST", "/downloads", {
      url: NOWHERE,
      mirrors: [],
      retries: 3,
    });
    expect(status).toBe(400);
    expect(body.code).toBe("INVALID_REQUEST");
    expect(body.detail).toContain("mirrors, retries");
  });

  test.each([
    ["a form", "application/x-www-form-urlencoded"],
    ["nothing that is named", undefined],
    ["Metalink 3", "application/metalink+xml"],
  ])("of %s is refused", async (_what, type) => {
    const downloader = await startDownloader();
    const headers = type === undefined ? {} : { "content-type": type };
    const answer = await downloader.ask<Problem>("POST", "/downloads", "url=x", headers);
    expect(answer).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
    expect(answer.body.detail).toContain("application/metalink4+xml");
  });

  test("in JSON has nothing in the query", async () => {
    const downloader = await startDownloader();
    const answer = await downloader.ask<Problem>("POST", "/downloads?path=a", { url: NOWHERE });
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect(answer.body.detail).toContain("path");
  });
});

describe("an array", () => {
  test("is answered in its order, and one bad element does not spoil the others", async () => {
    const downloader = await startDownloader();
    const { status, body } = await downloader.ask<Results>("POST", "/downloads", [
      { url: `${NOWHERE}?1`, notBefore: LATER },
      { url: "nothing" },
      7,
      { url: `${NOWHERE}?2`, notBefore: LATER },
      { url: NOWHERE, x: 1 },
    ]);
    expect(status).toBe(200);
    expect(body.results.map((each) => each.status)).toEqual([201, 400, 400, 201, 400]);
    expect(body.results.map(({ download, problem }) => download?.url ?? problem?.code)).toEqual([
      `${NOWHERE}?1`,
      "URL_INVALID",
      "INVALID_REQUEST",
      `${NOWHERE}?2`,
      "INVALID_REQUEST",
    ]);
    expect((await downloader.ask<Page>("GET", "/downloads")).body.downloads).toHaveLength(2);
  });

  test("may have 1,000 elements, and not 1,001", async () => {
    const downloader = await startDownloader({ DURABILITY: "full" });
    const requests = Array.from({ length: 1000 }, (_, n) => ({ url: `${NOWHERE}?${n}`, notBefore: LATER }));
    const { body } = await downloader.ask<Results>("POST", "/downloads", requests);
    expect(body.results.every(({ status }) => status === 201)).toBe(true);
    const tooMany = await downloader.ask<Problem>("POST", "/downloads", [...requests, { url: NOWHERE }]);
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
