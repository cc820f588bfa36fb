import { describe, expect, test } from "vitest";

import { LATER, NOWHERE, type Problem, type Results } from "../testing/api.ts";
import { startDownloader, type TestDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin } from "../testing/origin.ts";

const LATER_QUERY = `notBefore=${encodeURIComponent(LATER)}`;
const METALINK = { "content-type": "application/metalink4+xml" };
const URI_LIST = { "content-type": "text/uri-list" };
const metalink = (content: string): string =>
  `<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">${content}</metalink>`;

async function put(
  downloader: TestDownloader,
  body: string | Buffer,
  query = LATER_QUERY,
  headers: Record<string, string> = {},
) {
  return downloader.ask<Results>("PUT", `/downloads?${query}`, body, headers);
}

describe("a list of URLs", () => {
  const list = `# what I want\r\n${NOWHERE}?1\r\n\r\nftp://example.com/x\r\n${NOWHERE}?2`;

  test.each([
    ["put, as `curl -T` does", "PUT", {}],
    ["put as a list of URIs", "PUT", URI_LIST],
    ["posted as a list of URIs", "POST", { "content-type": "Text/URI-List; charset=utf-8" }],
    ["posted as text", "POST", { "content-type": "text/plain" }],
  ] as const)("%s is answered like an array, by lines", async (_how, method, headers) => {
    const downloader = await startDownloader();
    const { status, body } = await downloader.ask<Results>(
      method,
      `/downloads?${LATER_QUERY}`,
      list,
      headers,
    );
    expect(status).toBe(200);
    expect(body.results.map((each) => each.download?.url ?? each.problem?.detail)).toEqual([
      `${NOWHERE}?1`,
      "Line 4: Only http and https URLs can be downloaded.",
      `${NOWHERE}?2`,
    ]);
    expect(body.results[1]).toMatchObject({ status: 422, problem: { status: 422, code: "URL_FORBIDDEN" } });
  });

  test("has options in the query, for all of them", async () => {
    const downloader = await startDownloader();
    const query = `${LATER_QUERY}&path=a/b&onConflict=overwrite&priority=-3&segments=2&speedLimit=1000&maxBytes=7`;
    const { body } = await put(downloader, `${NOWHERE}\n${NOWHERE}`, query);
    const options = {
      path: "/a/b/",
      onConflict: "overwrite",
      priority: -3,
      segments: 2,
      speedLimit: 1000,
      maxBytes: 7,
    };
    expect(body.results).toMatchObject([{ download: options }, { download: options }]);
  });

  test.each([
    "priority=high",
    "onConflict=merge",
    "filename=x",
    "segments=0",
    "webhook=https://x.example/",
    "x=1",
  ])("is refused whole with the query %s", async (query) => {
    const downloader = await startDownloader();
    const answer = await put(downloader, NOWHERE, query);
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
  });

  test("may be empty, and may not have 1,001 lines", async () => {
    const downloader = await startDownloader();
    expect(await put(downloader, "")).toMatchObject({ status: 200, body: { results: [] } });
    expect(await put(downloader, "# nothing\n")).toMatchObject({ status: 200, body: { results: [] } });
    const lines = Array.from({ length: 1000 }, (_, n) => `${NOWHERE}?${n}`).join("\n");
    expect((await put(downloader, `\n${lines}\n`)).body.results).toHaveLength(1000);
    const tooMany = await downloader.ask<Problem>("PUT", "/downloads", `${lines}\n${NOWHERE}`);
    expect(tooMany).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
    expect(tooMany.body.detail).toContain("1001");
  });

  test("must be UTF-8", async () => {
    const downloader = await startDownloader();
    const answer = await put(downloader, Buffer.from("http://example.com/\u00e9", "latin1"));
    expect(answer).toMatchObject({ status: 400, body: { code: "INVALID_REQUEST" } });
  });

  test("is not JSON", async () => {
    const downloader = await startDownloader();
    const answer = await downloader.ask("PUT", "/downloads", { url: NOWHERE });
    expect(answer).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
  });
});

describe("a Metalink document", () => {
  const SHA256 = "ab".repeat(32);

  test.each([
    ["put, as `curl -T` does", "PUT", {}],
    ["put as what it is", "PUT", METALINK],
    ["posted", "POST", METALINK],
  ] as const)("%s is a download for each file, with its mirrors", async (_how, method, headers) => {
    const downloader = await startDownloader();
    const text = metalink(`
      <file name="sub/dir/one.iso">
        <size>10</size>
        <hash type="sha-256">${SHA256}</hash>
        <url priority="2">https://b.example.com/one</url>
        <url priority="1">https://a.example.com/one#x</url>
        <url>https://c.example.com/one</url>
      </file>
      <file name="two.iso"><url>ftp://a.example.com/two</url></file>
      <file name="../three.iso"><url>https://a.example.com/three</url></file>`);
    const query = `${LATER_QUERY}&path=isos/`;
    const { status, body } = await downloader.ask<Results>(method, `/downloads?${query}`, text, headers);
    expect(status).toBe(200);
    expect(body.results.map((each) => each.status)).toEqual([201, 422, 400]);
    expect(body.results[0]?.download).toMatchObject({
      url: "https://a.example.com/one",
      mirrors: ["https://b.example.com/one", "https://c.example.com/one"],
      path: "/isos/sub/dir/",
      filename: "one.iso",
      size: 10,
      checksum: `sha-256=${SHA256}`,
    });
    expect(body.results[1]?.problem).toMatchObject({
      code: "URL_FORBIDDEN",
      detail: 'The file "two.iso": The file has no http or https URL.',
    });
    expect(body.results[2]?.problem?.code).toBe("PATH_INVALID");
  });

  test("is refused file by file, when pieces do not cover one", async () => {
    const pieces = `<pieces type="sha-1" length="10"><hash>${"ab".repeat(20)}</hash></pieces>`;
    const url = "<url>https://example.com/</url>";
    const text = metalink(`
      <file name="whole">${url}<size>10</size>${pieces}</file>
      <file name="beginning">${url}<size>11</size>${pieces}</file>
      <file name="unknown">${url}${pieces}</file>`);
    const { body } = await put(await startDownloader(), text);
    expect(body.results).toMatchObject([
      { status: 201 },
      {
        status: 400,
        problem: { code: "METALINK_INVALID", detail: expect.stringContaining('"beginning"') as string },
      },
      {
        status: 400,
        problem: { code: "METALINK_INVALID", detail: expect.stringContaining("size") as string },
      },
    ]);
  });

  test("is fetched, and put where its name says", async () => {
    const bytes = bytesOf(1000);
    const origin = await startOrigin((request, response) => serveFile(request, response, bytes));
    const downloader = await startDownloader();
    const text = metalink(`<file name="a/b.bin"><size>1000</size><url>${origin.url}/x</url></file>`);
    const { body } = await put(downloader, text, "");
    const id = body.results[0]?.download?.id ?? "";
    await downloader.until(id, ({ state }) => state === "completed");
    expect(await downloader.read("a/b.bin")).toEqual(bytes);
  });

  test.each([
    ["a mirror", "<url priority='1'>https://example.com/</url><url>http://169.254.169.254/</url>"],
    ["the first URL", "<url>http://127.0.0.1/</url><url>https://example.com/</url>"],
    ["a port", "<url>https://example.com/</url><url>https://example.com:22/</url>"],
  ])("has no file of which %s is forbidden", async (_what, urls) => {
    const downloader = await startDownloader({ ALLOW_NETWORKS: "", ALLOW_PORTS: "" });
    const { body } = await put(downloader, metalink(`<file name="x">${urls}</file>`));
    expect(body.results).toMatchObject([{ status: 422, problem: { code: "URL_FORBIDDEN" } }]);
    expect((await downloader.ask("GET", "/downloads")).body).toMatchObject({ downloads: [] });
  });

  test.each([
    ["/.wharf/x", "PATH_INVALID"],
    ["a/../../x", "PATH_INVALID"],
    ["a//x", "PATH_INVALID"],
    ["a/", "PATH_INVALID"],
    [String.raw`a\x`, "PATH_INVALID"],
    ["...", "PATH_INVALID"],
  ])("has no file by the name of %s", async (name, code) => {
    const downloader = await startDownloader();
    const text = metalink(`<file name="${name}"><url>https://example.com/</url></file>`);
    const { body } = await put(downloader, text);
    expect(body.results).toMatchObject([{ status: 400, problem: { code } }]);
  });

  test.each([
    ["that is not well-formed", "<metalink><file></metalink>", 400, "METALINK_INVALID"],
    ["that is something else", "<html/>", 400, "METALINK_INVALID"],
    [
      "in another encoding",
      Buffer.from("<?xml version='1.0'?><metalink>\u00e9</metalink>", "latin1"),
      400,
      "METALINK_INVALID",
    ],
    ["that is larger than any", `<!--${"x".repeat(4 << 20)}-->`, 413, "TOO_LARGE"],
    ["with too many files", metalink("<file name='x'/>".repeat(1001)), 400, "INVALID_REQUEST"],
  ])("%s is refused whole", async (_what, body, status, code) => {
    const downloader = await startDownloader();
    expect(await put(downloader, body)).toMatchObject({ status, body: { code } });
  });
});
