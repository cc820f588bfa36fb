import { createHash } from "node:crypto";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

import { noiseBuffer } from "./harness/content.ts";
import { useFileserver } from "./harness/fileserver.ts";
import { useFolder } from "./harness/folder.ts";
import { expectProblem, send } from "./harness/http.ts";
import { describeWith, program } from "./harness/needs.ts";
import { curl, run } from "./harness/run.ts";

const SIZE = 1_000_003;
const content = noiseBuffer(SIZE, "reading");
const MODIFIED = 1_700_000_000;
const DATE = new Date(MODIFIED * 1000).toUTCString();
const LATER = new Date((MODIFIED + 1) * 1000).toUTCString();
const EARLIER = new Date((MODIFIED - 1) * 1000).toUTCString();

describe("reading a file", () => {
  const server = useFileserver();
  let url = "";
  let etag = "";
  beforeAll(async () => {
    url = `${server.folder}file.bin`;
    const answer = await send("PUT", url, { body: content, headers: { "x-oc-mtime": String(MODIFIED) } });
    etag = answer.headers["etag"] ?? "";
  });
  const get = (headers: Record<string, string>, method = "GET") => send(method, url, { headers });

  describe("in part", () => {
    it.each([
      { range: "bytes=0-0", start: 0, end: 1 },
      { range: "bytes=0-99", start: 0, end: 100 },
      { range: "bytes=500000-599999", start: 500_000, end: 600_000 },
      { range: "bytes=999999-", start: 999_999, end: SIZE },
      { range: "bytes=-3", start: SIZE - 3, end: SIZE },
      { range: `bytes=${SIZE - 1}-${SIZE - 1}`, start: SIZE - 1, end: SIZE },
      { range: "bytes=10-99999999999999999999", start: 10, end: SIZE },
      { range: "bytes=-99999999", start: 0, end: SIZE },
      { range: "bytes=0-", start: 0, end: SIZE },
      { range: "BYTES=5-6", start: 5, end: 7 },
    ])("$range is answered with just these bytes", async ({ range, start, end }) => {
      const { status, headers, body } = await get({ range });
      expect(status).toBe(206);
      expect(headers).toMatchObject({
        "content-range": `bytes ${start}-${end - 1}/${SIZE}`,
        "content-length": String(end - start),
        "accept-ranges": "bytes",
        etag,
      });
      expect(body.equals(content.subarray(start, end))).toBe(true);
    });

    it.each([`bytes=${SIZE}-`, `bytes=${SIZE + 5}-${SIZE + 9}`, "bytes=-0"])(
      "%s cannot be satisfied",
      async (range) => {
        const answer = await get({ range });
        expectProblem(answer, 416, "RANGE_NOT_SATISFIABLE");
        expect(answer.headers["content-range"]).toBe(`bytes */${SIZE}`);
      },
    );

    it.each([
      "bytes=",
      "bytes=-",
      "bytes=a-b",
      "bytes=5-2",
      "bytes 0-1",
      "lines=0-1",
      "bytes=0x1-2",
      "bytes=1-2;3",
      "0-1",
    ])("%s is ignored, being malformed or of another unit", async (range) => {
      const { status, body } = await get({ range });
      expect(status).toBe(200);
      expect(body.equals(content)).toBe(true);
    });

    it.each(["bytes=0-1,5-6", "bytes=0-0,-1", "bytes=0-,0-,0-"])(
      "%s, several, is answered with the whole",
      async (range) => {
        const { status, headers, body } = await get({ range });
        expect(status).toBe(200);
        expect(headers["content-length"]).toBe(String(SIZE));
        expect(body.equals(content)).toBe(true);
      },
    );

    it("a range asked for by HEAD is ignored", async () => {
      const { status, headers, body } = await get({ range: "bytes=0-1" }, "HEAD");
      expect({ status, length: headers["content-length"], body: body.length }).toEqual({
        status: 200,
        length: String(SIZE),
        body: 0,
      });
      expect(headers["content-range"]).toBeUndefined();
    });

    it("any range of an empty file cannot be satisfied", async () => {
      const empty = `${server.folder}empty`;
      await send("PUT", empty, { body: "" });
      expect((await send("GET", empty)).body.length).toBe(0);
      const answer = await send("GET", empty, { headers: { range: "bytes=0-" } });
      expectProblem(answer, 416, "RANGE_NOT_SATISFIABLE");
      expect(answer.headers["content-range"]).toBe("bytes */0");
    });
  });

  describe("with If-Range", () => {
    it.each([
      { name: "the current tag", value: () => etag, status: 206 },
      { name: "the current tag marked weak", value: () => `W/${etag}`, status: 200 },
      { name: "another tag", value: () => '"other"', status: 200 },
      { name: "the date it has", value: () => DATE, status: 206 },
      { name: "a later date", value: () => LATER, status: 200 },
      { name: "an earlier date", value: () => EARLIER, status: 200 },
      { name: "what is neither", value: () => "yesterday", status: 200 },
    ])("$name: $status", async ({ value, status }) => {
      const answer = await get({ range: "bytes=0-9", "if-range": value() });
      expect(answer.status).toBe(status);
      expect(answer.body.length).toBe(status === 206 ? 10 : SIZE);
    });

    it("a range past the end is not judged when If-Range is false", async () => {
      expect((await get({ range: `bytes=${SIZE}-`, "if-range": '"other"' })).status).toBe(200);
    });
  });

  describe.each(["GET", "HEAD"])("with conditions, by %s", (method) => {
    it.each([
      { name: "If-None-Match of its tag", headers: () => ({ "if-none-match": etag }), status: 304 },
      {
        name: "If-None-Match of its tag marked weak",
        headers: () => ({ "if-none-match": `W/${etag}` }),
        status: 304,
      },
      {
        name: "If-None-Match of a list with its tag",
        headers: () => ({ "if-none-match": `"a", ${etag}` }),
        status: 304,
      },
      { name: "If-None-Match: *", headers: () => ({ "if-none-match": "*" }), status: 304 },
      { name: "If-None-Match of another tag", headers: () => ({ "if-none-match": '"a"' }), status: 200 },
      {
        name: "If-None-Match of another tag, whatever If-Modified-Since",
        headers: () => ({ "if-none-match": '"a"', "if-modified-since": LATER }),
        status: 200,
      },
      { name: "If-Modified-Since its date", headers: () => ({ "if-modified-since": DATE }), status: 304 },
      {
        name: "If-Modified-Since a second earlier",
        headers: () => ({ "if-modified-since": EARLIER }),
        status: 200,
      },
      { name: "If-Modified-Since no date", headers: () => ({ "if-modified-since": "soon" }), status: 200 },
      { name: "If-Match of its tag", headers: () => ({ "if-match": etag }), status: 200 },
      { name: "If-Match: *", headers: () => ({ "if-match": "*" }), status: 200 },
      { name: "If-Match of its tag marked weak", headers: () => ({ "if-match": `W/${etag}` }), status: 412 },
      { name: "If-Match of another tag", headers: () => ({ "if-match": '"a"' }), status: 412 },
      { name: "If-Unmodified-Since its date", headers: () => ({ "if-unmodified-since": DATE }), status: 200 },
      {
        name: "If-Unmodified-Since a second earlier",
        headers: () => ({ "if-unmodified-since": EARLIER }),
        status: 412,
      },
      {
        name: "If-Match of its tag, whatever If-Unmodified-Since",
        headers: () => ({ "if-match": etag, "if-unmodified-since": EARLIER }),
        status: 200,
      },
    ])("$name: $status", async ({ headers, status }) => {
      const answer = await get(headers(), method);
      expect(answer.status).toBe(status);
      expect(answer.headers["etag"]).toBe(etag);
      expect(answer.body.length > 0).toBe(method === "GET" && status !== 304);
    });

    it("a condition is judged before a range", async () => {
      expect((await get({ "if-none-match": etag, range: "bytes=0-1" }, method)).status).toBe(304);
    });
  });

  describe("headers", () => {
    it.each([
      { name: "a.txt", type: "text/plain; charset=utf-8", disposition: "inline" },
      { name: "a.png", type: "image/png", disposition: "inline" },
      { name: "a.jpg", type: "image/jpeg", disposition: "inline" },
      { name: "a.mp4", type: "video/mp4", disposition: "inline" },
      { name: "a.mp3", type: "audio/mpeg", disposition: "inline" },
      { name: "a.pdf", type: "application/pdf", disposition: "inline" },
      { name: "a.svg", type: "image/svg+xml", disposition: "attachment" },
      { name: "a.html", type: "text/html; charset=utf-8", disposition: "attachment" },
      { name: "a.xhtml", type: "application/xhtml+xml", disposition: "attachment" },
      { name: "a.js", type: "text/javascript; charset=utf-8", disposition: "attachment" },
      {
        name: "a.xml",
        type: expect.stringMatching(/^(?:text|application)\/xml/) as string,
        disposition: "attachment",
      },
      { name: "a.zip", type: "application/zip", disposition: "attachment" },
      { name: "no-extension", type: "application/octet-stream", disposition: "attachment" },
    ])("$name is $disposition and cannot run in our origin", async ({ name, type, disposition }) => {
      const file = server.folder + name;
      const put = await send("PUT", file, {
        body: "<script>alert(1)</script>",
        headers: { "content-type": "text/html" },
      });
      for (const method of ["GET", "HEAD"]) {
        const { status, headers } = await send(method, file);
        expect(status).toBe(200);
        expect(headers).toMatchObject({
          "content-type": type,
          "content-length": "25",
          "content-disposition": `${disposition}; filename="${name}"; filename*=UTF-8''${name}`,
          etag: put.headers["etag"],
          "accept-ranges": "bytes",
          "cache-control": "private, no-cache",
          "x-content-type-options": "nosniff",
          "content-security-policy": "sandbox",
        });
        const download = await send(method, `${file}?download`);
        expect(download.headers["content-disposition"]).toMatch(/^attachment; /);
      }
    });

    it("the client's request id comes back when it is a sane one, and who served it is told", async () => {
      expect((await get({ "x-request-id": "e2e-42" })).headers).toMatchObject({
        "x-request-id": "e2e-42",
        "x-served-by": expect.stringMatching(/./) as string,
      });
      const answer = await send("GET", `${server.folder}missing`, { headers: { "x-request-id": "e2e-43" } });
      expect(expectProblem(answer, 404, "NOT_FOUND").instance).toContain("e2e-43");
      for (const insane of ["a b", "x".repeat(200), "<script>"]) {
        const id = (await get({ "x-request-id": insane })).headers["x-request-id"];
        expect(id).toMatch(/^[\w-]+$/);
      }
    });
  });

  it("a directory without its slash is redirected to the one with it, query and all", async () => {
    await send("PUT", `${server.folder}a%20b/file`, { body: "" });
    for (const method of ["GET", "HEAD"]) {
      const { status, headers } = await send(method, `${server.folder}a%20b?limit=1&sort=size`);
      expect(status).toBe(308);
      expect(headers["location"]).toBe(`${new URL(server.folder).pathname}a%20b/?limit=1&sort=size`);
    }
  });

  it("a file with a slash is not there", async () => {
    for (const path of [`${url}/`, `${url}/below`]) {
      expect(expectProblem(await send("GET", path), 404, "NOT_FOUND").status).toBe(404);
    }
  });
});

const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

describeWith("reading with curl", [program("curl")], () => {
  const server = useFileserver();
  const local = useFolder();
  beforeAll(async () => {
    await send("PUT", `${server.folder}file.bin`, {
      body: content,
      headers: { "x-oc-mtime": String(MODIFIED) },
    });
  });

  it("-C - goes on where the earlier one ended, and is content with a whole file", async () => {
    const path = join(local.path, "resumed.bin");
    await writeFile(path, content.subarray(0, 300_000));
    const args = ["-C", "-", "-o", path, "-w", "%{http_code}", `${server.folder}file.bin`];
    expect((await curl(args)).stdout.toString()).toBe("206");
    expect(hash(await readFile(path))).toBe(hash(content));
    const again = await curl(args);
    expect({ code: again.code, status: again.stdout.toString() }).toEqual({ code: 0, status: "416" });
    expect(hash(await readFile(path))).toBe(hash(content));
  });

  it("--etag-compare brings a file only when it has changed", async () => {
    const [path, tag] = [join(local.path, "compared.bin"), join(local.path, "etag")];
    const url = `${server.folder}compared.txt`;
    const fetch = (): ReturnType<typeof curl> =>
      curl(["--etag-save", tag, "--etag-compare", tag, "-o", path, "-w", "%{http_code}", url]);
    await send("PUT", url, { body: "one" });
    await writeFile(tag, "");
    expect((await fetch()).stdout.toString()).toBe("200");
    expect((await fetch()).stdout.toString()).toBe("304");
    await send("PUT", url, { body: "two" });
    expect((await fetch()).stdout.toString()).toBe("200");
    expect(await readFile(path, "utf8")).toBe("two");
  });

  it("-L follows a directory to its slash", async () => {
    const { stdout } = await curl([
      "-L",
      "-w",
      "\n%{http_code} %{num_redirects}",
      server.folder.slice(0, -1),
    ]);
    expect(stdout.toString()).toMatch(/file\.bin[^]*\n200 1$/);
  });
});

describeWith("reading with wget", [program("wget")], () => {
  const server = useFileserver();
  const local = useFolder();
  beforeAll(async () => {
    await send("PUT", `${server.folder}file.bin`, {
      body: content,
      headers: { "x-oc-mtime": String(MODIFIED) },
    });
  });
  const wget = async (folder: string, ...options: string[]) => {
    const cwd = join(local.path, folder);
    await mkdir(cwd, { recursive: true });
    return run("wget", ["--no-config", "--no-proxy", ...options, `${server.folder}file.bin`], { cwd });
  };

  it("-c goes on where the earlier one ended, and is content with a whole file", async () => {
    const path = join(local.path, "resumed", "file.bin");
    await mkdir(join(local.path, "resumed"));
    await writeFile(path, content.subarray(0, 700_000));
    const { code, stderr } = await wget("resumed", "-c");
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("206 Partial Content") as string,
    });
    expect(hash(await readFile(path))).toBe(hash(content));
    expect(await wget("resumed", "-c")).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("416") as string,
    });
    expect(hash(await readFile(path))).toBe(hash(content));
  });

  it("-N keeps the modification time, and brings a file only when it has changed", async () => {
    expect(await wget("newer", "-N")).toMatchObject({ code: 0 });
    expect((await stat(join(local.path, "newer", "file.bin"))).mtimeMs).toBe(MODIFIED * 1000);
    const again = await wget("newer", "-N");
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining("304") as string });
    await send("PUT", `${server.folder}file.bin`, { body: "newer" });
    expect(await wget("newer", "-N")).toMatchObject({ code: 0 });
    expect(await readFile(join(local.path, "newer", "file.bin"), "utf8")).toBe("newer");
  });
});
