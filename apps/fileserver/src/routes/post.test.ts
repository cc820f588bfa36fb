import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { lastJson, RawClient } from "@wharf/service/testing/raw-client";
import { FileSink } from "@wharf/volume";
import { beforeEach, describe, expect, test, vi } from "vitest";

import { listen, namesIn, openIn, stagedIn, testFileserver, type Fileserver } from "../testing/fileserver.ts";
import { BOUNDARY, file, form, FORM_TYPE, type Part } from "../testing/form.ts";

interface Stored {
  readonly files: readonly { path: string; size: number; etag: string; sha256: string }[];
}

let server: Fileserver;

beforeEach(async () => {
  server = await testFileserver({ MAX_UPLOAD_BYTES: "2M" });
});

function post(url: string, parts: readonly Part[], end?: string) {
  return server.app.inject({ method: "POST", url, headers: FORM_TYPE, payload: form(parts, end) });
}

function stored(name: string): string {
  return readFileSync(join(server.directory, name), "utf8");
}

async function pathsOf(url: string, parts: readonly Part[]): Promise<string[]> {
  const response = await post(url, parts);
  expect([response.statusCode, response.body]).toEqual([201, expect.any(String)]);
  return response.json<Stored>().files.map(({ path }) => path);
}

describe("the files of a form", () => {
  test("are stored, and told of in their order", async () => {
    const response = await post("/files/", [file("a.txt", "first"), file("b.txt", "second one")]);
    expect(response.statusCode).toBe(201);
    const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
    const { files } = response.json<Stored>();
    expect(files).toEqual([
      { path: "/a.txt", size: 5, etag: expect.any(String) as string, sha256: sha256("first") },
      { path: "/b.txt", size: 10, etag: expect.any(String) as string, sha256: sha256("second one") },
    ]);
    expect(stored("b.txt")).toBe("second one");
    expect((await server.app.inject("/files/b.txt")).headers.etag).toBe(files[1]?.etag);
    expect(await stagedIn(server.directory)).toEqual([]);
  });

  test("stand in the directory that is posted to, which is made", async () => {
    expect(await pathsOf("/files/a/b%20c/", [file("x")])).toEqual(["/a/b c/x"]);
    expect(await pathsOf("/files/a/b%20c", [file("y")])).toEqual(["/a/b c/y"]);
    expect(stored("a/b c/y")).toBe("body");
  });

  test("stand in the folder that a field before them names", async () => {
    const path = (body: string): Part => ({ name: "path", body });
    const other = { name: "comment", body: "sub/nonsense" };
    const parts = [
      file("0"),
      path("one"),
      file("1"),
      other,
      file("2"),
      path("two/three/"),
      file("3"),
      path(""),
      file("4"),
    ];
    expect(await pathsOf("/files/in/", parts)).toEqual([
      "/in/0",
      "/in/one/1",
      "/in/one/2",
      "/in/two/three/3",
      "/in/4",
    ]);
  });

  test("stand in the folders that their names have", async () => {
    const parts = [file("a/b/c.txt"), { name: "path", body: "top" }, file("a/d.txt")];
    expect(await pathsOf("/files/", parts)).toEqual(["/a/b/c.txt", "/top/a/d.txt"]);
  });

  test.each([
    ["say %22hi%22.txt", 'say "hi".txt'],
    ["100%.txt", "100%.txt"],
    ["a%20b.txt", "a%20b.txt"],
    ["日本 語 😀.txt", "日本 語 😀.txt"],
    ["naïve.txt", "naïve.txt"],
    ["a;b=c.txt", "a;b=c.txt"],
    ["'a'.txt", "'a'.txt"],
    [".hidden", ".hidden"],
    ["-rf", "-rf"],
  ])("keep the names they were sent under: %s", async (sent, name) => {
    expect(await pathsOf("/files/", [file(sent)])).toEqual([`/${name}`]);
    expect(readdirSync(server.directory)).toContain(name);
  });

  test("may be sent by the platform's own forms", async () => {
    const data = new FormData();
    data.append("path", "sub");
    data.append("file", new File(["hello"], 'ü "x".txt'));
    const port = await listen(server.app);
    const response = await fetch(`http://127.0.0.1:${port}/files/`, { method: "POST", body: data });
    expect(response.status).toBe(201);
    expect(((await response.json()) as Stored).files[0]?.path).toBe('/sub/ü "x".txt');
  });

  test("may be empty, or have bytes that look like an end", async () => {
    const tricky = `\r\n--${BOUNDARY.slice(0, -1)}\r\n--\r\n\0\xff`;
    await pathsOf("/files/", [file("empty", ""), file("tricky", tricky)]);
    expect(stored("empty")).toBe("");
    expect(stored("tricky")).toBe(tricky);
  });

  test("may be more than a thousand, and small", async () => {
    const names = Array.from({ length: 1_200 }, (_, i) => `d${i % 10}/${i}`);
    const paths = await pathsOf(
      "/files/",
      names.map((name) => file(name, name)),
    );
    expect(paths).toEqual(names.map((name) => `/${name}`));
    expect(stored("d9/1199")).toBe("d9/1199");
    expect(await stagedIn(server.directory)).toEqual([]);
  });

  test("may be large, beside a small one", async () => {
    server = await testFileserver();
    const large = Buffer.alloc(20 * 2 ** 20, "0123456789abcde\n");
    await pathsOf("/files/", [file("small", "s"), file("large", large), file("last", "l")]);
    expect(readFileSync(join(server.directory, "large")).equals(large)).toBe(true);
    expect(stored("last")).toBe("l");
  });

  test("are whole when a chunk ends in what may be a boundary, and a later one in its first byte", async () => {
    server = await testFileserver();
    const pieces = [
      Buffer.from(`${"0".repeat(1_000)}\r\n--${BOUNDARY.slice(0, -1)}`),
      Buffer.alloc(2 ** 20, "a"),
      Buffer.alloc(2 ** 20, "b"),
      Buffer.from(`${"c".repeat(60_000)}\r`),
      Buffer.alloc(1_000, "d"),
    ];
    // The body of a form without its end: what precedes the file's first byte.
    const head = form([file("x", "")], "").subarray(0, -2);
    const client = await RawClient.open(await listen(server.app));
    client.socket.setNoDelay(true);
    client.send(
      `POST /files/ HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM_TYPE["content-type"]}\r\n` +
        "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for (const piece of [head, ...pieces, Buffer.from(`\r\n--${BOUNDARY}--\r\n`), Buffer.alloc(0)]) {
      client.send(
        Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]),
      );
      await sleep(40); // each is to be written before the next comes
    }
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 201 /);
    expect(readFileSync(join(server.directory, "x")).equals(Buffer.concat(pieces))).toBe(true);
  });
});

describe("a name that is taken", () => {
  beforeEach(() => {
    writeFileSync(join(server.directory, "a.tar.gz"), "kept");
    mkdirSync(join(server.directory, "dir"));
  });

  test.each(["/files/", "/files/?onConflict=fail"])(
    "fails, and what was stored before is named: %s",
    async (url) => {
      const response = await post(url, [file("first"), file("a.tar.gz"), file("third")]);
      expect(response.statusCode).toBe(409);
      expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
      expect(response.json()).toMatchObject({
        status: 409,
        code: "ALREADY_EXISTS",
        files: [{ path: "/first", size: 4 }],
      });
      expect(stored("a.tar.gz")).toBe("kept");
      expect(existsSync(join(server.directory, "third"))).toBe(false);
    },
  );

  test("is counted on from when that is asked for", async () => {
    const parts = [file("a.tar.gz", "1"), file("a.tar.gz", "2"), file("new", "3"), file("new", "4")];
    expect(await pathsOf("/files/?onConflict=rename", parts)).toEqual([
      "/a (1).tar.gz",
      "/a (2).tar.gz",
      "/new",
      "/new (1)",
    ]);
    expect(stored("a.tar.gz")).toBe("kept");
    expect(stored("a (2).tar.gz")).toBe("2");
  });

  test("is counted on from when a directory has it", async () => {
    expect(await pathsOf("/files/?onConflict=rename", [file("dir")])).toEqual(["/dir (1)"]);
  });

  test("is overwritten when that is asked for", async () => {
    expect(await pathsOf("/files/?onConflict=overwrite", [file("a.tar.gz", "new")])).toEqual(["/a.tar.gz"]);
    expect(stored("a.tar.gz")).toBe("new");
  });

  test("is never a directory's to lose", async () => {
    const response = await post("/files/?onConflict=overwrite", [file("dir")]);
    expect(response.statusCode).toBe(409);
    expect(response.json()).toMatchObject({ code: "IS_DIRECTORY", files: [] });
  });

  test("is not decided in a way that nobody knows", async () => {
    const response = await post("/files/?onConflict=merge", [file("new")]);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: "INVALID_REQUEST" });
    expect(existsSync(join(server.directory, "new"))).toBe(false);
  });

  test("is counted on by many at once without a loss", async () => {
    const posts = Array.from({ length: 10 }, (_, i) =>
      pathsOf("/files/?onConflict=rename", [file("same", String(i))]),
    );
    const paths = (await Promise.all(posts)).flat();
    expect(new Set(paths).size).toBe(10);
    expect(new Set(paths.map((path) => stored(path)))).toEqual(
      new Set(Array.from({ length: 10 }, (_, i) => String(i))),
    );
  });
});

describe("a form is refused", () => {
  test.each([
    ["without a file", [{ name: "path", body: "x" }], 400, "INVALID_REQUEST"],
    ["with nothing", [], 400, "INVALID_REQUEST"],
    ["with only the field that a person left blank", [file("", "")], 400, "INVALID_REQUEST"],
    ["with a name that leads up", [file("../x")], 400, "PATH_INVALID"],
    ["with a folder that leads up", [{ name: "path", body: "../.." }, file("x")], 400, "PATH_INVALID"],
    ["with a name of another system", [file("C:\\\\fakepath\\\\x")], 400, "PATH_INVALID"],
    ["with a name that is not UTF-8", [file(Buffer.from("caf\xe9", "latin1"))], 400, "PATH_INVALID"],
    [
      "with a folder that is not UTF-8",
      [{ name: "path", body: Buffer.from("caf\xe9", "latin1") }, file("x")],
      400,
      "PATH_INVALID",
    ],
    ["with an empty segment", [file("a//b")], 400, "PATH_INVALID"],
    ["with a directory's name", [file("a/")], 409, "IS_DIRECTORY"],
    ["with a name in the service's own directory", [file(".wharf/x")], 404, "NOT_FOUND"],
    ["with a name beneath a file", [file("kept/x")], 409, "NOT_A_DIRECTORY"],
    [
      "with a path that is longer than any",
      [{ name: "path", body: "x/".repeat(5_000) }, file("x")],
      400,
      "PATH_INVALID",
    ],
  ] as [string, Part[], number, string][])("%s", async (_what, parts, status, code) => {
    writeFileSync(join(server.directory, "kept"), "");
    const response = await post("/files/", parts);
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ status, code, files: [] });
    expect(await namesIn(server.directory)).toEqual(["kept"]);
  });

  test("beyond its blank field is not: browsers send one for it", async () => {
    expect(await pathsOf("/files/", [file("", ""), file("x"), file("", "")])).toEqual(["/x"]);
  });

  test.each([
    ["JSON", { "content-type": "application/json" }, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"],
    [
      "a plain form",
      { "content-type": "application/x-www-form-urlencoded" },
      "a=b",
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    ["no type", {}, "x", 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["no body", {}, undefined, 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["a form without a boundary", { "content-type": "multipart/form-data" }, "x", 400, "MULTIPART_INVALID"],
    [
      "another kind of parts",
      { "content-type": "multipart/mixed; boundary=x" },
      "x",
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
  ])("that is none: %s", async (_what, headers, payload, status, code) => {
    const request = { method: "POST", url: "/files/", headers: headers as Record<string, string> } as const;
    const response = await server.app.inject(payload === undefined ? request : { ...request, payload });
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ status, code });
  });

  test.each([{ "if-none-match": "*" }, { "if-match": '"a"' }])(
    "with a condition, which would have no single target: %j",
    async (condition) => {
      const headers = { ...FORM_TYPE, ...condition };
      const payload = form([file("x")]);
      const response = await server.app.inject({ method: "POST", url: "/files/", headers, payload });
      expect(response.statusCode).toBe(400);
      expect(response.json()).toMatchObject({
        code: "INVALID_REQUEST",
        detail: expect.stringContaining("onConflict") as string,
      });
      expect(await namesIn(server.directory)).toEqual([]);
    },
  );

  test.each(["", '""', " ; a=b", "x".repeat(300), `"${"x".repeat(300)}"`])(
    "whose boundary no parser takes: %s",
    async (boundary) => {
      const headers = { "content-type": `multipart/form-data; boundary=${boundary}` };
      const payload = `--${boundary}\r\n`;
      const response = await server.app.inject({ method: "POST", url: "/files/", headers, payload });
      expect(response.statusCode).toBe(400);
      expect(response.json()).toMatchObject({ code: "MULTIPART_INVALID" });
    },
  );

  test("whose parts have no end to their headers", async () => {
    const payload = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\nX: ${"x".repeat(200_000)}`;
    const response = await server.app.inject({ method: "POST", url: "/files/", headers: FORM_TYPE, payload });
    expect(response.statusCode).toBe(400);
    expect(await namesIn(server.directory)).toEqual([]);
  });

  test.each(["__proto__", "constructor", "toString"])(
    "with a field called %s, without harm",
    async (name) => {
      const response = await post("/files/", [
        { name, body: "x" },
        { name, filename: "y", body: "x" },
      ]);
      expect(response.statusCode).toBe(400);
      expect(await namesIn(server.directory)).toEqual([]);
    },
  );

  test.each([
    ["at a path that is none", "/files/a%2Fb/", 400, "PATH_INVALID"],
    ["beneath a file", "/files/kept/", 409, "NOT_A_DIRECTORY"],
    ["in the service's own directory", "/files/.wharf/", 404, "NOT_FOUND"],
  ])("%s, before its body is asked for", async (_what, url, status, code) => {
    writeFileSync(join(server.directory, "kept"), "");
    const client = await RawClient.open(await listen(server.app));
    client.send(
      `POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM_TYPE["content-type"]}\r\n` +
        "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    await client.untilEnded();
    expect(client.received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(lastJson(client.received)).toMatchObject({ code });
  });

  test("when the volume has no room, before its body is asked for", async () => {
    server = await testFileserver({ MIN_FREE_BYTES: "4000T" });
    const client = await RawClient.open(await listen(server.app));
    client.send(
      `POST /files/ HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM_TYPE["content-type"]}\r\n` +
        "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 507 [^]*INSUFFICIENT_STORAGE/);
  });
});

describe("a file of a form that is too large", () => {
  test("is refused, and those before it are named", async () => {
    const response = await post("/files/", [
      file("first"),
      file("large", Buffer.alloc(2 ** 21 + 1)),
      file("third"),
    ]);
    expect(response.statusCode).toBe(413);
    expect(response.json()).toMatchObject({ status: 413, code: "TOO_LARGE", files: [{ path: "/first" }] });
    expect(await namesIn(server.directory)).toEqual(["first"]);
    expect(await stagedIn(server.directory)).toEqual([]);
  });

  test("is not refused for what else the form has", async () => {
    const parts = [file("a", Buffer.alloc(2 ** 21)), file("b", Buffer.alloc(2 ** 21))];
    expect(await pathsOf("/files/", parts)).toEqual(["/a", "/b"]);
  });

  test.each([
    ["too large", file("large", Buffer.alloc(32 * 2 ** 20)), 413],
    ["where another is", file("kept", Buffer.alloc(32 * 2 ** 20)), 409],
    ["under a name that is none", file("../x", Buffer.alloc(32 * 2 ** 20)), 400],
  ])(
    "or cannot be stored is told of to a sender that sends all of it first: %s",
    async (_what, part, status) => {
      writeFileSync(join(server.directory, "kept"), "");
      const body = form([part, file("next")]);
      const client = await RawClient.open(await listen(server.app));
      client.send(
        `POST /files/ HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM_TYPE["content-type"]}\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      client.send(body);
      expect(await client.until(/\}\n?$/)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      client.send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
      expect(await client.until(/200 OK/)).toContain("200 OK");
      expect(await namesIn(server.directory)).toEqual(["kept"]);
    },
  );
});

test("an error of ours is not called the client's: it is logged, and what was stored before is named", async () => {
  const bug = new TypeError("A boundary was aborted early, said a bug.");
  vi.spyOn(FileSink.prototype, "flush").mockResolvedValueOnce().mockRejectedValue(bug);
  const response = await post("/files/", [file("first", ""), file("second")]);
  vi.restoreAllMocks();
  expect(response.statusCode).toBe(500);
  expect(response.json()).toMatchObject({ code: "INTERNAL", files: [{ path: "/first" }] });
  expect(response.body).not.toContain("bug");
  expect(server.errors.splice(0)).toEqual([[{ err: bug }, "unexpected error"]]);
  expect(await namesIn(server.directory)).toEqual(["first"]);
});

describe("a form that ends early", () => {
  test.each([
    ["in a file", [file("a"), file("b")], ""],
    ["in a part's headers", [file("a")], `--${BOUNDARY}\r\nContent-Disp`],
    ["before its last boundary", [file("a"), file("b")], `--${BOUNDARY.slice(0, 4)}`],
  ])("%s is answered as such, with what was stored", async (_what, parts, end) => {
    const body = form(parts, end);
    // Without the line's end before the boundary that is missing.
    const payload = end === "" ? body.subarray(0, -3) : body;
    const response = await server.app.inject({ method: "POST", url: "/files/", headers: FORM_TYPE, payload });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ status: 400, code: "BODY_TRUNCATED" });
    const names = await namesIn(server.directory);
    expect(response.json<Stored>().files.map(({ path }) => path)).toEqual(names.map((name) => `/${name}`));
    expect(names).not.toContain("b");
    expect(await stagedIn(server.directory)).toEqual([]);
  });

  test.each(["a half-closed connection", "an aborted one", "a reset one"])(
    "in %s stores nothing of the file, and leaves nothing open",
    async (how) => {
      const port = await listen(server.app);
      await pathsOf("/files/", [file("kept")]);
      const body = form([file("first"), file("second", Buffer.alloc(1_000_000))]);
      for (let i = 0; i < 5; i++) {
        const client = await RawClient.open(port);
        client.send(
          `POST /files/${i}/ HTTP/1.1\r\nHost: a\r\nContent-Type: ${FORM_TYPE["content-type"]}\r\nContent-Length: ${body.length}\r\n\r\n`,
        );
        client.send(body.subarray(0, 500_000));
        await expect.poll(() => existsSync(join(server.directory, `${i}/first`))).toBe(true);
        if (how === "an aborted one") client.socket.destroy();
        else if (how === "a reset one") client.socket.resetAndDestroy();
        else client.socket.end();
      }
      await expect.poll(() => stagedIn(server.directory), { timeout: 5_000 }).toEqual([]);
      await expect.poll(() => openIn(server.directory)).toEqual([server.directory]);
      for (let i = 0; i < 5; i++) expect(await namesIn(join(server.directory, String(i)))).toEqual(["first"]);
    },
  );
});
