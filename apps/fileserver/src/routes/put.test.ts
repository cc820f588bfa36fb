import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { lastJson, RawClient } from "@wharf/service/testing/raw-client";
import { FileSink } from "@wharf/volume";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { listen, namesIn, openIn, stagedIn, testFileserver, type Fileserver } from "../testing/fileserver.ts";

let server: Fileserver;

beforeEach(async () => {
  server = await testFileserver({ MAX_UPLOAD_BYTES: "2M" });
});

function put(url: string, payload: string | Buffer = "body", headers: Record<string, string> = {}) {
  return server.app.inject({ method: "PUT", url, payload, headers });
}

function stored(name: string): string {
  return readFileSync(join(server.directory, name), "utf8");
}

describe("a file", () => {
  test("is created, and replaced", async () => {
    const created = await put("/files/a.txt", "first");
    expect(created.statusCode).toBe(201);
    expect(created.body).toBe("");
    expect(created.headers.location).toBe("/files/a.txt");
    expect(stored("a.txt")).toBe("first");
    const replaced = await put("/files/a.txt", "second");
    expect(replaced.statusCode).toBe(204);
    expect(replaced.headers.location).toBe("/files/a.txt");
    expect(stored("a.txt")).toBe("second");
    expect(replaced.headers.etag).not.toBe(created.headers.etag);
    const read = await server.app.inject("/files/a.txt");
    expect(read.headers.etag).toBe(replaced.headers.etag);
    expect(await stagedIn(server.directory)).toEqual([]);
  });

  test("is stored under the name that was sent, its directories made", async () => {
    const url = "/files/%E6%97%A5%20%E6%9C%AC/a%23b%3Fc/100%25.txt";
    const response = await put(url);
    expect(response.statusCode).toBe(201);
    expect(response.headers.location).toBe(url);
    expect(stored("日 本/a#b?c/100%.txt")).toBe("body");
  });

  test("may be empty", async () => {
    expect((await put("/files/empty", "")).statusCode).toBe(201);
    expect(stored("empty")).toBe("");
  });

  test.each([
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "image/png",
    "nonsense",
    "a/b/c;;;",
    "",
  ])("is its body's bytes, whatever they are said to be: %j", async (type) => {
    const client = await RawClient.open(await listen(server.app));
    const body = `{ "no JSON'\xff\x00`;
    const head = `PUT /files/a HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}`;
    client.send(Buffer.from(`${head}\r\nConnection: close\r\n\r\n${body}`, "latin1"));
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 201 /);
    expect(readFileSync(join(server.directory, "a"), "latin1")).toBe(body);
  });

  test("may come in chunks, without a length or a type", async () => {
    const client = await RawClient.open(await listen(server.app));
    client.send(
      "PUT /files/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    );
    client.send("5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n");
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 201 /);
    expect(stored("a")).toBe("hello world");
  });

  test("that is larger than memory wants is stored to the last byte", async () => {
    server = await testFileserver();
    const body = Buffer.alloc(20 * 2 ** 20, "0123456789abcde\n");
    // A copy: what is received is given back once it was written, and nothing but `inject` keeps hold of it.
    expect((await put("/files/large", Buffer.from(body))).statusCode).toBe(201);
    expect(readFileSync(join(server.directory, "large")).equals(body)).toBe(true);
  });

  test.each<[Record<string, string>, number, string | undefined]>([
    [{ "x-oc-mtime": "1700000000.5" }, 1_700_000_000_500, "accepted"],
    [{ "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT" }, Date.UTC(1994, 10, 6, 8, 49, 37), undefined],
  ])("keeps the modification time that is asked for: %j", async (headers, ms, accepted) => {
    const response = await put("/files/a", "x", headers);
    expect(response.statusCode).toBe(201);
    expect(response.headers["x-oc-mtime"]).toBe(accepted);
    expect(statSync(join(server.directory, "a")).mtimeMs).toBeCloseTo(ms, 0);
  });

  test("has the time it was stored at otherwise", async () => {
    const before = Date.now();
    await put("/files/a");
    expect(statSync(join(server.directory, "a")).mtimeMs).toBeGreaterThanOrEqual(before - 1_000);
  });
});

describe("a condition", () => {
  test("lets a file be created only where none is", async () => {
    const create = { "if-none-match": "*" };
    expect((await put("/files/a", "one", create)).statusCode).toBe(201);
    const second = await put("/files/a", "two", create);
    expect(second.statusCode).toBe(412);
    expect(second.json()).toMatchObject({ status: 412, code: "PRECONDITION_FAILED" });
    expect(stored("a")).toBe("one");
  });

  test("lets exactly one of many create a file", async () => {
    const puts = Array.from({ length: 20 }, (_, i) => put("/files/a", String(i), { "if-none-match": "*" }));
    const statuses = (await Promise.all(puts)).map(({ statusCode }) => statusCode);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(19);
    expect(stored("a")).toBe(String(statuses.indexOf(201)));
  });

  test("lets a version be replaced only while it is the one that is known", async () => {
    expect((await put("/files/a", "x", { "if-match": "*" })).statusCode).toBe(412);
    const etag = String((await put("/files/a", "one")).headers.etag);
    expect((await put("/files/a", "x", { "if-match": '"another"' })).statusCode).toBe(412);
    expect((await put("/files/a", "x", { "if-match": `W/${etag}` })).statusCode).toBe(412);
    expect((await put("/files/a", "two", { "if-match": etag })).statusCode).toBe(204);
    expect((await put("/files/a", "three", { "if-match": etag })).statusCode).toBe(412);
    expect(stored("a")).toBe("two");
  });

  test("lets exactly one of many replace a version", async () => {
    const etag = String((await put("/files/a", "one")).headers.etag);
    const puts = Array.from({ length: 10 }, (_, i) => put("/files/a", String(i), { "if-match": etag }));
    const statuses = (await Promise.all(puts)).map(({ statusCode }) => statusCode);
    expect(statuses.filter((status) => status === 204)).toHaveLength(1);
    expect(stored("a")).toBe(String(statuses.indexOf(204)));
  });

  test("is judged again when the body has come", async () => {
    const client = await RawClient.open(await listen(server.app));
    client.send(
      "PUT /files/a HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
    );
    await client.until(/100 Continue/);
    await put("/files/a", "other");
    client.send("mine");
    expect(await client.until(/\}\n?$/)).toMatch(/HTTP\/1\.1 412 [^]*PRECONDITION_FAILED/);
    expect(stored("a")).toBe("other");
    expect(await stagedIn(server.directory)).toEqual([]);
  });
});

describe("a file is refused", () => {
  beforeEach(() => {
    mkdirSync(join(server.directory, "dir"));
    writeFileSync(join(server.directory, "file"), "kept");
    symlinkSync("file", join(server.directory, "link"));
  });

  const cases: [string, string, Record<string, string>, number, string][] = [
    ["at a directory's URL", "/files/new/", {}, 409, "IS_DIRECTORY"],
    ["at the root's", "/files/", {}, 409, "IS_DIRECTORY"],
    ["where a directory is", "/files/dir", {}, 409, "IS_DIRECTORY"],
    ["beneath a file", "/files/file/below", {}, 409, "NOT_A_DIRECTORY"],
    ["deep beneath a file", "/files/file/a/b/c", {}, 409, "NOT_A_DIRECTORY"],
    ["where a symbolic link is", "/files/link", {}, 409, "NOT_A_FILE"],
    ["beneath a symbolic link", "/files/link/below", {}, 409, "NOT_A_DIRECTORY"],
    ["in the service's own directory", "/files/.wharf/x", {}, 404, "NOT_FOUND"],
    ["at a path that leads up", "/files/..%2Fx", {}, 400, "PATH_INVALID"],
    ["as a part of one", "/files/part", { "content-range": "bytes 0-3/10" }, 400, "PARTIAL_PUT_UNSUPPORTED"],
    ["with a time that is none", "/files/new", { "x-oc-mtime": "soon" }, 400, "INVALID_REQUEST"],
    ["with a date that is none", "/files/new", { "last-modified": "soon" }, 400, "INVALID_REQUEST"],
    ["over the limit", "/files/new", { "content-length": String(2 ** 21 + 1) }, 413, "TOO_LARGE"],
    ["when its condition does not hold", "/files/file", { "if-none-match": "*" }, 412, "PRECONDITION_FAILED"],
    ["from another site", "/files/new", { "sec-fetch-site": "cross-site" }, 403, "CROSS_SITE"],
  ];
  test.each(cases)("%s, before its body is asked for", async (_what, url, extra, status, code) => {
    const client = await RawClient.open(await listen(server.app));
    const headers = { host: "a", "content-length": "4", expect: "100-continue", ...extra };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    client.send(`PUT ${url} HTTP/1.1\r\n${lines.join("")}\r\n`);
    await client.untilEnded();
    expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(client.received).not.toContain("100 Continue");
    expect(lastJson(client.received)).toMatchObject({ status, code });
    expect(await namesIn(server.directory)).toEqual(["dir", "file", "link"]);
    expect(stored("file")).toBe("kept");
  });

  test("when it turns out to be over the limit, and its sender gets to read so", async () => {
    const client = await RawClient.open(await listen(server.app));
    client.send("PUT /files/new HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    const mebi = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(2 ** 20), Buffer.from("\r\n")]);
    for (let sent = 0; sent < 32; sent++) client.send(mebi);
    client.send("0\r\n\r\n");
    expect(await client.until(/\}\n?$/)).toMatch(/^HTTP\/1\.1 413 [^]*TOO_LARGE/);
    expect(await namesIn(server.directory)).toEqual(["dir", "file", "link"]);
    expect(await stagedIn(server.directory)).toEqual([]);
    // The rest was read, so the connection can go on.
    client.send("GET /files/file HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.until(/kept$/)).toContain("200 OK");
  });

  test("when the volume has no room, before its body is asked for", async () => {
    server = await testFileserver({ MIN_FREE_BYTES: "4000T" });
    const client = await RawClient.open(await listen(server.app));
    client.send("PUT /files/a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 507 /);
    expect(lastJson(client.received)).toMatchObject({ status: 507, code: "INSUFFICIENT_STORAGE" });
  });

  test("when it says that it would not fit", async () => {
    server = await testFileserver();
    const client = await RawClient.open(await listen(server.app));
    client.send(
      `PUT /files/a HTTP/1.1\r\nHost: a\r\nContent-Length: ${2 ** 50}\r\nExpect: 100-continue\r\n\r\n`,
    );
    await client.untilEnded();
    expect(lastJson(client.received)).toMatchObject({ status: 507, code: "INSUFFICIENT_STORAGE" });
  });
});

describe("a file whose body ends early", () => {
  test.each([
    ["by its length", "Content-Length: 1000"],
    ["by its chunks", "Transfer-Encoding: chunked"],
  ])("%s is not stored, nor does it replace another", async (_what, header) => {
    await put("/files/a", "kept");
    const client = await RawClient.open(await listen(server.app));
    client.send(`PUT /files/a HTTP/1.1\r\nHost: a\r\n${header}\r\n\r\n5\r\nhello\r\n`);
    client.socket.end();
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 400 [^]*BODY_TRUNCATED/);
    await expect.poll(() => stagedIn(server.directory)).toEqual([]);
    await expect.poll(() => openIn(server.directory)).toEqual([server.directory]);
    expect(stored("a")).toBe("kept");
  });

  test("because its client went away leaves nothing, however often", async () => {
    await put("/files/kept");
    const port = await listen(server.app);
    for (let i = 0; i < 10; i++) {
      const client = await RawClient.open(port);
      client.send(
        `PUT /files/a${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n`,
      );
      await client.until(/100 Continue/);
      client.send(Buffer.alloc(1_500_000));
      if (i % 2 === 0) client.socket.destroy();
      else client.socket.resetAndDestroy();
    }
    await expect.poll(() => stagedIn(server.directory), { timeout: 5_000 }).toEqual([]);
    await expect.poll(() => openIn(server.directory)).toEqual([server.directory]);
    expect(await namesIn(server.directory)).toEqual(["kept"]);
  });
});

test("an error of ours is not called the client's, and is logged", async () => {
  const bug = new TypeError("The request was aborted, said a bug.");
  vi.spyOn(FileSink.prototype, "flush").mockRejectedValue(bug);
  const url = `http://127.0.0.1:${await listen(server.app)}/files/a`;
  const response = await fetch(url, { method: "PUT", body: "body" });
  vi.restoreAllMocks();
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ code: "INTERNAL" });
  expect(server.errors.splice(0)).toEqual([[{ err: bug }, "unexpected error"]]);
  expect(await namesIn(server.directory)).toEqual([]);
});

describe("a condition that cannot be read", () => {
  test.each(["xyz", '*, "x"'])("has nothing changed: If-None-Match: %s", async (value) => {
    await put("/files/a", "kept");
    const headers = { "if-none-match": value };
    for (const method of ["PUT", "DELETE"] as const) {
      const response = await server.app.inject({ method, url: "/files/a", headers });
      expect(response.statusCode).toBe(400);
      expect(response.json()).toMatchObject({
        code: "INVALID_REQUEST",
        detail: expect.stringContaining("If-None-Match") as string,
      });
    }
    expect(stored("a")).toBe("kept");
    expect((await server.app.inject({ url: "/files/a", headers })).statusCode).toBe(200);
  });

  test("is not one that is said twice", async () => {
    await put("/files/a", "kept");
    const client = await RawClient.open(await listen(server.app));
    const twice = "If-None-Match: *\r\nIf-None-Match: *\r\n";
    client.send(
      `PUT /files/a HTTP/1.1\r\nHost: a\r\n${twice}Connection: close\r\nContent-Length: 3\r\n\r\nnew`,
    );
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 412 /);
    expect(stored("a")).toBe("kept");
  });
});
