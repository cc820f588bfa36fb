import { describe, expect, it } from "vitest";

import { target } from "./harness/environment.ts";
import { allDownloads, submit, type Result } from "./harness/downloads.ts";
import { expectProblem, json, send } from "./harness/http.ts";
import { useService } from "./harness/service.ts";

const URL_OK = "http://192.0.2.1/never-asked-for"; // only ever beside something that is refused

describe("what the downloader refuses", () => {
  const downloader = target ? { url: target.downloaderUrl } : useService("downloader");
  const post = (body: string, type = "application/json") =>
    send("POST", `${downloader.url}/downloads`, { headers: { "content-type": type }, body });

  it.each(["{", "", "{'url': 1}", '{"url": "http://e2e.invalid/"', "\u0000", "undefined"])(
    "%j is no JSON",
    async (body) => {
      expect(expectProblem(await post(body), 400, "INVALID_JSON").status).toBe(400);
    },
  );

  it.each(["null", "1", '"http://e2e.invalid/"', "{}", '{"URL":"http://e2e.invalid/"}'])(
    "%s is no download",
    async (body) => {
      expect(expectProblem(await post(body), 400, "INVALID_REQUEST").detail).toMatch(/./);
    },
  );

  it.each([
    ["application/x-www-form-urlencoded", `url=${URL_OK}`],
    ["multipart/form-data; boundary=b", `--b\r\n\r\n${URL_OK}\r\n--b--\r\n`],
    ["application/xml", `<url>${URL_OK}</url>`],
    ["application/metalink+xml", "<metalink version='3.0'/>"],
  ])("a body of the type %s", async (type, body) => {
    expect(expectProblem(await post(body, type), 415, "UNSUPPORTED_MEDIA_TYPE").detail).toMatch(
      /json|metalink4/,
    );
  });

  it("JSON that is said to be text: a page of another site may send it without asking", async () => {
    const answer = await post(JSON.stringify({ url: URL_OK }), "text/plain");
    const { results } = json(answer) as { results: Result[] };
    expect(results.map(({ status, problem }) => `${status} ${problem?.code}`)).toEqual(["400 URL_INVALID"]);
  });

  it.each([
    "",
    "no XML",
    "<metalink>",
    '<?xml version="1.0"?><html/>',
    '<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]><metalink xmlns="urn:ietf:params:xml:ns:metalink">&e;</metalink>',
  ])("%j is no Metalink document", async (body) => {
    const { detail } = expectProblem(await post(body, "application/metalink4+xml"), 400, "METALINK_INVALID");
    expect(detail).not.toContain("root:");
  });

  it.each([
    { unknown: "value" },
    { __proto__x: {} },
    { mirrors: ["http://e2e.invalid/"] },
    { state: "paused" },
    { URL: URL_OK },
  ])("the property in %j, which it does not know, naming it", async (extra) => {
    const problem = expectProblem(
      await submit(downloader.url, { url: URL_OK, ...extra }),
      400,
      "INVALID_REQUEST",
    );
    expect(problem.detail).toContain(Object.keys(extra)[0]);
  });

  it.each([
    { url: 1 },
    { url: null },
    { url: ["http://e2e.invalid/"] },
    { path: 1 },
    { filename: false },
    { filename: "" },
    { onConflict: "ask" },
    { headers: "Cookie: a" },
    { headers: { cookie: 1 } },
    { maxBytes: -1 },
    { maxBytes: 1.5 },
    { maxBytes: 2 ** 53 },
    { maxBytes: 1e300 },
    { maxBytes: "1G" },
    { priority: "high" },
    { priority: 1e9 },
    { notBefore: "tomorrow" },
    { notBefore: 1_700_000_000 },
    { checksum: 5 },
    { segments: 0 },
    { segments: 17 },
    { segments: "4" },
    { segments: 1.5 },
    { speedLimit: 0 },
    { speedLimit: -1 },
    { speedLimit: "1M" },
    { webhook: 5 },
    { webhook: ["http://e2e.invalid/"] },
  ])("%j, of the wrong type or out of bounds, naming it", async (wrong) => {
    const problem = expectProblem(
      await submit(downloader.url, { url: "http://e2e.invalid/", ...wrong }),
      400,
      "INVALID_REQUEST",
    );
    expect(problem.detail).toContain(Object.keys(wrong)[0]);
  });

  it.each([
    { path: "../up" },
    { path: "/a/../../up" },
    { path: "a//b" },
    { path: "a\u0000b" },
    { path: "a\\b" },
    { path: "/.wharf/partial" },
    { filename: "../up" },
    { filename: "a/b" },
    { filename: ".." },
    { filename: "a\u0000b" },
    { filename: "x".repeat(300) },
  ])("%j, which is no place on the volume", async (place) => {
    const answer = await submit(downloader.url, { url: "http://e2e.invalid/", ...place });
    expect(expectProblem(answer, 400, "PATH_INVALID").status).toBe(400);
  });

  it.each(["sha-256=zz", "sha-256", "crc32=00000000", "=", `sha-256=${"0".repeat(63)}`])(
    "the checksum %s",
    async (checksum) => {
      const answer = await submit(downloader.url, { url: "http://e2e.invalid/", checksum });
      expect(expectProblem(answer, 400, "CHECKSUM_INVALID").status).toBe(400);
    },
  );

  it.each([
    { host: "a" },
    { "content-length": "5" },
    { connection: "close" },
    { "transfer-encoding": "chunked" },
    { "a b": "c" },
    { a: "b\r\nc: d" },
  ])("the request header in %j", async (headers) => {
    const answer = await submit(downloader.url, { url: "http://e2e.invalid/", headers });
    expect(expectProblem(answer, 400, "HEADER_FORBIDDEN").status).toBe(400);
  });

  it("more than 1,000 at once, and none of them is kept", async () => {
    const before = (await allDownloads(downloader.url)).length;
    const many = Array.from({ length: 1_001 }, () => ({ url: "http://e2e.invalid/" }));
    expectProblem(await submit(downloader.url, many), 400, "INVALID_REQUEST");
    expect((await allDownloads(downloader.url)).length).toBe(before);
  });

  it("each bad element of an array by itself, in the order sent", async () => {
    const answer = await submit(downloader.url, [
      { url: "file:///etc/passwd" },
      { url: 5 },
      {},
      7,
      null,
      { url: "no url" },
    ]);
    expect(answer.status).toBe(200);
    const { results } = json(answer) as { results: Result[] };
    expect(results.map(({ status, problem }) => `${status} ${problem?.code}`)).toEqual([
      "422 URL_FORBIDDEN",
      "400 INVALID_REQUEST",
      "400 INVALID_REQUEST",
      "400 INVALID_REQUEST",
      "400 INVALID_REQUEST",
      "400 URL_INVALID",
    ]);
  });

  it("a download there is none of", async () => {
    for (const id of ["0", "no-such", "0".repeat(32), "a%2Fb", "x".repeat(300)]) {
      for (const method of ["GET", "DELETE"]) {
        const answer = await send(method, `${downloader.url}/downloads/${id}`);
        expect(answer.status).toBe(404);
        expect(json(answer)).toMatchObject({
          status: 404,
          code: expect.stringMatching(/^[A-Z_]+$/) as string,
        });
      }
    }
  });

  it.each(["limit=0", "limit=1001", "limit=all", "state=sleeping", "cursor=none"])(
    "a list with ?%s",
    async (query) => {
      const answer = await send("GET", `${downloader.url}/downloads?${query}`);
      expect(expectProblem(answer, 400, "INVALID_REQUEST").status).toBe(400);
    },
  );

  it("methods that are not there, with those that are", async () => {
    for (const [method, path] of [
      ["PATCH", "/downloads"],
      ["POST", "/downloads/x"],
      ["DELETE", "/downloads"],
      ["POST", "/stats"],
    ]) {
      const answer = await send(method ?? "", downloader.url + path);
      expectProblem(answer, 405, "METHOD_NOT_ALLOWED");
      expect(answer.headers["allow"]).toContain("GET");
    }
    expect(await send("OPTIONS", `${downloader.url}/downloads`)).toMatchObject({
      status: 204,
      headers: { allow: expect.stringContaining("POST") as string },
    });
  });

  it("what a page of another site asks for", async () => {
    const headers = { origin: "https://elsewhere.example", "content-type": "application/json" };
    const answer = await send("POST", `${downloader.url}/downloads`, {
      headers,
      body: JSON.stringify({ url: URL_OK }),
    });
    expect(expectProblem(answer, 403, "CROSS_SITE").status).toBe(403);
  });
});
