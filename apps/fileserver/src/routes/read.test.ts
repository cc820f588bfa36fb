import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";

import { RawClient } from "@wharf/service/testing/raw-client";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { listen, testFileserver, type Fileserver } from "../testing/fileserver.ts";

const BODY = "0123456789abcdefghij";
/** An old time, whose date is a strong validator by now. */
const MODIFIED = "Mon, 23 Nov 2020 01:02:03 GMT";

let server: Fileserver;

beforeEach(async () => {
  server = await testFileserver();
  const path = join(server.directory, "a.txt");
  writeFileSync(path, BODY);
  utimesSync(path, new Date(MODIFIED), new Date(MODIFIED));
});

function get(url: string, headers: Record<string, string> = {}) {
  return server.app.inject({ url, headers });
}

async function etagOf(url: string): Promise<string> {
  return String((await get(url)).headers.etag);
}

describe("a file", () => {
  test("is sent whole, with everything that is to be said of it", async () => {
    const response = await get("/files/a.txt");
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe(BODY);
    expect(response.headers).toMatchObject({
      "content-length": "20",
      "content-type": "text/plain; charset=utf-8",
      "content-disposition": `inline; filename="a.txt"; filename*=UTF-8''a.txt`,
      etag: expect.stringMatching(/^"[^"]+"$/) as string,
      "last-modified": MODIFIED,
      "accept-ranges": "bytes",
      "cache-control": "private, no-cache",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
      "x-request-id": expect.any(String) as string,
      "x-served-by": expect.any(String) as string,
    });
  });

  test("is described by HEAD as by GET, without a body, also with a range", async () => {
    const whole = await get("/files/a.txt");
    const request = { method: "HEAD", url: "/files/a.txt", headers: { range: "bytes=0-4" } } as const;
    const response = await server.app.inject(request);
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe("");
    for (const name of ["content-length", "content-type", "etag", "last-modified", "accept-ranges"]) {
      expect([name, response.headers[name]]).toEqual([name, whole.headers[name]]);
    }
    expect(response.headers).not.toHaveProperty("content-range");
  });

  test("is offered for saving when that is asked for", async () => {
    for (const url of ["/files/a.txt?download", "/files/a.txt?download=1"]) {
      expect((await get(url)).headers["content-disposition"]).toMatch(/^attachment; filename="a.txt"/);
    }
  });

  test("that is empty is sent as such", async () => {
    writeFileSync(join(server.directory, "empty"), "");
    const response = await get("/files/empty");
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-length"]).toBe("0");
    expect(response.body).toBe("");
    const range = await get("/files/empty", { range: "bytes=0-" });
    expect(range.statusCode).toBe(416);
    expect(range.headers["content-range"]).toBe("bytes */0");
  });

  test("is found by a name in any alphabet, and with any sign in it", async () => {
    for (const name of ["日本 語.txt", "100%.txt", "a#b?c.txt", "a+b&c=d;e.txt", "'quotes\".txt", "😀"]) {
      writeFileSync(join(server.directory, name), name);
      const response = await get(`/files/${encodeURIComponent(name)}`);
      expect(response.statusCode).toBe(200);
      expect(response.body).toBe(name);
    }
  });

  test("keeps its tag while it is the same, and has another when it is not", async () => {
    const first = await etagOf("/files/a.txt");
    expect(await etagOf("/files/a.txt")).toBe(first);
    writeFileSync(join(server.directory, "a.txt"), BODY.toUpperCase());
    utimesSync(join(server.directory, "a.txt"), new Date(MODIFIED), new Date(MODIFIED));
    expect(await etagOf("/files/a.txt")).not.toBe(first);
  });
});

describe("a range of a file", () => {
  test.each([
    ["bytes=0-4", "01234", "bytes 0-4/20"],
    ["bytes=5-", "56789abcdefghij", "bytes 5-19/20"],
    ["bytes=-3", "hij", "bytes 17-19/20"],
    ["bytes=18-999", "ij", "bytes 18-19/20"],
    ["bytes=0-", BODY, "bytes 0-19/20"],
  ])("%s is sent alone", async (range, body, contentRange) => {
    const response = await get("/files/a.txt", { range });
    expect(response.statusCode).toBe(206);
    expect(response.body).toBe(body);
    expect(response.headers).toMatchObject({
      "content-range": contentRange,
      "content-length": String(body.length),
      "content-type": "text/plain; charset=utf-8",
      etag: await etagOf("/files/a.txt"),
      "last-modified": MODIFIED,
    });
  });

  test.each(["bytes=20-", "bytes=20-30", "bytes=-0"])("%s cannot be had", async (range) => {
    const response = await get("/files/a.txt", { range });
    expect(response.statusCode).toBe(416);
    expect(response.headers["content-range"]).toBe("bytes */20");
    expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(response.headers).not.toHaveProperty("content-disposition");
    expect(response.json()).toMatchObject({ status: 416, code: "RANGE_NOT_SATISFIABLE" });
  });

  test.each(["bytes=4-2", "lines=1-2", "bytes=a-b", "bytes"])(
    "%s is none, and the file is sent whole",
    async (range) => {
      const response = await get("/files/a.txt", { range });
      expect(response.statusCode).toBe(200);
      expect(response.body).toBe(BODY);
      expect(response.headers).not.toHaveProperty("content-range");
    },
  );

  test("is sent only while the version is the one that the client has a part of", async () => {
    const etag = await etagOf("/files/a.txt");
    const statuses: [string, number][] = [
      [etag, 206],
      [MODIFIED, 206],
      [`W/${etag}`, 200],
      ['"another"', 200],
      ["Mon, 23 Nov 2020 01:02:04 GMT", 200],
    ];
    for (const [ifRange, status] of statuses) {
      const response = await get("/files/a.txt", { range: "bytes=0-4", "if-range": ifRange });
      expect([ifRange, response.statusCode]).toEqual([ifRange, status]);
    }
    const past = await get("/files/a.txt", { range: "bytes=20-", "if-range": '"another"' });
    expect(past.statusCode).toBe(200);
  });
});

describe("a condition", () => {
  test("that the client's copy is still good is answered with 304 and no body", async () => {
    const etag = await etagOf("/files/a.txt");
    for (const headers of [
      { "if-none-match": etag },
      { "if-none-match": `"x", W/${etag}` },
      { "if-none-match": "*" },
      { "if-modified-since": MODIFIED },
    ]) {
      const response = await get("/files/a.txt", headers);
      expect(response.statusCode).toBe(304);
      expect(response.body).toBe("");
      expect(response.headers).toMatchObject({ etag, "last-modified": MODIFIED });
    }
  });

  test("that does not hold is answered with 412", async () => {
    for (const headers of [
      { "if-match": '"x"' },
      { "if-unmodified-since": "Mon, 23 Nov 2020 01:02:02 GMT" },
    ]) {
      const response = await get("/files/a.txt", headers);
      expect(response.statusCode).toBe(412);
      expect(response.json()).toMatchObject({ status: 412, code: "PRECONDITION_FAILED" });
    }
  });

  test("that holds changes nothing", async () => {
    const headers = { "if-match": await etagOf("/files/a.txt"), "if-none-match": '"x"' };
    expect((await get("/files/a.txt", headers)).body).toBe(BODY);
  });

  test("is judged before the range", async () => {
    const response = await get("/files/a.txt", { range: "bytes=20-", "if-match": '"x"' });
    expect(response.statusCode).toBe(412);
  });
});

describe("what is not a file or a directory is not there", () => {
  /** What is answered for a name, for it as a directory, and for what would be in that. */
  async function answersTo(name: string): Promise<unknown[]> {
    const answers = [];
    for (const url of [`/files/${name}`, `/files/${name}/`, `/files/${name}/below`]) {
      const response = await get(url);
      answers.push(response.json<{ code: string }>().code, response.statusCode);
    }
    return answers;
  }
  const MISSING = ["NOT_FOUND", 404, "NOT_FOUND", 404, "NOT_FOUND", 404];

  test("nothing", async () => {
    expect(await answersTo("nothing")).toEqual(MISSING);
  });

  test("a FIFO, which nobody waits for", async () => {
    execFileSync("mkfifo", [join(server.directory, "fifo")]);
    expect(await answersTo("fifo")).toEqual(MISSING);
  });

  test("a socket", async () => {
    const socket = createServer().listen(join(server.directory, "socket"));
    onTestFinished(() => void socket.close());
    await once(socket, "listening");
    expect(await answersTo("socket")).toEqual(MISSING);
  });

  test("a symbolic link, wherever it leads", async () => {
    mkdirSync(join(server.directory, "real"));
    writeFileSync(join(server.directory, "real/below"), "secret");
    symlinkSync("real", join(server.directory, "to-directory"));
    symlinkSync("a.txt", join(server.directory, "to-file"));
    symlinkSync("/etc/passwd", join(server.directory, "to-outside"));
    symlinkSync("to-nowhere", join(server.directory, "to-nowhere"));
    for (const name of ["to-directory", "to-file", "to-outside", "to-nowhere"])
      expect(await answersTo(name)).toEqual(MISSING);
    const listing = await get("/files/", { accept: "application/json" });
    expect(listing.json<{ entries: { name: string }[] }>().entries.map(({ name }) => name)).toEqual([
      "a.txt",
      "real",
    ]);
  });

  test("the service's own directory", async () => {
    for (const url of ["/files/.wharf", "/files/.wharf/", "/files/.wharf/staging/", "/files/.WHARF/x"]) {
      expect((await get(url)).statusCode).toBe(404);
    }
  });

  test("a file as a directory", async () => {
    expect((await get("/files/a.txt/")).statusCode).toBe(404);
    expect((await get("/files/a.txt/b")).statusCode).toBe(404);
  });
});

test.each([
  "/files/../etc/passwd",
  "/files/%2e%2e/etc/passwd",
  "/files/a/../a.txt",
  "/files/./a.txt",
  "/files//a.txt",
  "/files/a%2Fb",
  "/files/a%5Cb",
  "/files/a\\b",
  "/files/a%00b",
  "/files/a%0Ab",
  "/files/%ff",
  "/files/%C0%AE%C0%AE/x",
  `/files/${"a".repeat(256)}`,
  `/files/${"a/".repeat(2_049)}a`,
])("a path that is none is refused: %s", async (path) => {
  const client = await RawClient.open(await listen(server.app));
  client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await client.untilEnded();
  expect(client.received).toMatch(/^HTTP\/1\.1 400 [^]*"code":"PATH_INVALID"/);
});

test.each(["/%66iles/a.txt", "/files%2Fa.txt", "/FILES/a.txt", "/x/files/a.txt", "//files/a.txt"])(
  "a URL that is written another way leads to no other file: %s",
  async (path) => {
    // What is left of `/%66iles/a.txt` when as many characters are taken off as `/files` has.
    mkdirSync(join(server.directory, "es"));
    writeFileSync(join(server.directory, "es", "a.txt"), "another");
    const response = await get(path);
    expect(response.statusCode).toBe(404);
  },
);

describe("a directory's URL ends in a slash", () => {
  test.each([
    ["/files/sub%20dir", "/files/sub%20dir/"],
    ["/files/sub%20dir?sort=size&limit=5", "/files/sub%20dir/?sort=size&limit=5"],
    ["/files", "/files/"],
    ["/files?limit=5", "/files/?limit=5"],
  ])("%s leads to %s", async (url, location) => {
    mkdirSync(join(server.directory, "sub dir"));
    for (const method of ["GET", "HEAD"] as const) {
      const response = await server.app.inject({ method, url });
      expect(response.statusCode).toBe(308);
      expect(response.headers.location).toBe(location);
    }
  });

  test("and the page of the root leads to the files", async () => {
    const response = await get("/");
    expect(response.statusCode).toBe(302);
    expect(response.headers.location).toBe("/files/");
  });
});

test("OPTIONS names what a path allows", async () => {
  const response = await server.app.inject({ method: "OPTIONS", url: "/files/a.txt" });
  expect(response.statusCode).toBe(204);
  expect(response.headers.allow).toBe("DELETE, GET, HEAD, MKCOL, OPTIONS, POST, PUT");
});

test("another method is refused with what the path allows", async () => {
  const request = {
    method: "PATCH",
    url: "/files/a.txt",
    payload: "x",
    headers: { "content-type": "a/b" },
  } as const;
  const response = await server.app.inject(request);
  expect(response.statusCode).toBe(405);
  expect(response.headers.allow).toBe("DELETE, GET, HEAD, MKCOL, OPTIONS, POST, PUT");
  expect(response.json()).toMatchObject({ status: 405, code: "METHOD_NOT_ALLOWED" });
});
