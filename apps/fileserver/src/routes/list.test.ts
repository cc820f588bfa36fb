import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { RawClient } from "@wharf/service/testing/raw-client";
import { beforeEach, describe, expect, test } from "vitest";

import { listen, openIn, testFileserver, type Fileserver } from "../testing/fileserver.ts";

interface Page {
  readonly path: string;
  readonly entries: readonly {
    name: string;
    type: string;
    size: number | null;
    modified: string;
    etag: string | null;
  }[];
  readonly next: string | null;
}

const JSON_TYPE = { accept: "application/json" };
const NDJSON_TYPE = { accept: "application/x-ndjson" };

let server: Fileserver;

beforeEach(async () => {
  server = await testFileserver();
});

/** A file of so many bytes, changed so many seconds after the epoch. */
function add(name: string, size: number, modified: number): void {
  const path = join(server.directory, name);
  writeFileSync(path, "x".repeat(size));
  utimesSync(path, modified, modified);
}

async function page(query = "", directory = ""): Promise<Page> {
  const response = await server.app.inject({ url: `/files/${directory}${query}`, headers: JSON_TYPE });
  expect(response.statusCode).toBe(200);
  return response.json<Page>();
}

/** The names on every page from the first on. */
async function pages(query: string): Promise<string[][]> {
  const all: string[][] = [];
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { entries, next }: Page = await page(cursor === undefined ? query : `${query}&cursor=${cursor}`);
    all.push(entries.map(({ name }) => name));
    cursor = next;
  }
  return all;
}

describe("a page of a directory", () => {
  test("tells all there is to tell of files and directories", async () => {
    add("a.txt", 5, 1_600_000_000.5);
    mkdirSync(join(server.directory, "sub"));
    const response = await server.app.inject({ url: "/files/", headers: JSON_TYPE });
    expect(response.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      vary: "accept",
      "cache-control": "private, no-cache",
      "x-content-type-options": "nosniff",
    });
    const file = await server.app.inject("/files/a.txt");
    expect(response.json()).toEqual({
      path: "/",
      entries: [
        {
          name: "a.txt",
          type: "file",
          size: 5,
          modified: "2020-09-13T12:26:40.500Z",
          etag: file.headers.etag,
        },
        { name: "sub", type: "directory", size: null, modified: expect.any(String) as string, etag: null },
      ],
      next: null,
    });
  });

  test("says whose it is", async () => {
    mkdirSync(join(server.directory, "日本 語"));
    expect(await page("", encodeURIComponent("日本 語") + "/")).toEqual({
      path: "/日本 語/",
      entries: [],
      next: null,
    });
  });

  test("is not there for a directory that is not", async () => {
    for (const headers of [JSON_TYPE, NDJSON_TYPE, {}]) {
      const response = await server.app.inject({ url: "/files/nothing/", headers });
      expect(response.statusCode).toBe(404);
      expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    }
  });

  test("is one of several that together have every entry once", async () => {
    for (let i = 0; i < 25; i++) add(`${String(i).padStart(2, "0")} & 日.txt`, i % 5, 1_000 + (i % 3));
    const names = (await page("?limit=10000")).entries.map(({ name }) => name);
    expect(names).toHaveLength(25);
    for (const sort of ["name", "size", "modified"]) {
      for (const order of ["asc", "desc"]) {
        const all = await pages(`?limit=7&sort=${sort}&order=${order}`);
        expect(all.map((each) => each.length)).toEqual([7, 7, 7, 4]);
        expect(all.flat().toSorted()).toEqual(names);
      }
    }
  });

  test("goes on where the one before ended, whatever was added or removed since", async () => {
    for (const name of ["a", "c", "e", "g"]) add(name, 1, 1);
    const first = await page("?limit=2");
    expect(first.entries.map(({ name }) => name)).toEqual(["a", "c"]);
    add("b", 1, 1);
    add("d", 1, 1);
    const request = { method: "DELETE", url: "/files/c" } as const;
    expect((await server.app.inject(request)).statusCode).toBe(204);
    const second = await page(`?limit=10&cursor=${first.next}`);
    expect(second.entries.map(({ name }) => name)).toEqual(["d", "e", "g"]);
  });

  test.each([
    ["?sort=name", ["B", "a", "c", "dir"]],
    ["?sort=name&order=desc", ["dir", "c", "a", "B"]],
    ["?sort=size", ["dir", "c", "a", "B"]],
    ["?sort=size&order=desc", ["B", "a", "c", "dir"]],
    ["?sort=modified", ["a", "B", "c", "dir"]],
    ["?sort=modified&order=desc", ["dir", "c", "B", "a"]],
  ])("comes in the order that is asked for: %s", async (query, names) => {
    add("a", 2, 100);
    add("B", 3, 200);
    add("c", 1, 300);
    mkdirSync(join(server.directory, "dir"));
    expect((await page(query)).entries.map(({ name }) => name)).toEqual(names);
  });

  test.each([
    "?limit=0",
    "?limit=10001",
    "?limit=-1",
    "?limit=many",
    "?limit=1.5",
    "?sort=color",
    "?order=up",
    "?cursor=nonsense",
    `?cursor=${"x".repeat(3_000)}`,
  ])("is refused: %s", async (query) => {
    const response = await server.app.inject({ url: `/files/${query}`, headers: JSON_TYPE });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ status: 400, code: "INVALID_REQUEST" });
  });

  test("has no body for HEAD", async () => {
    for (const headers of [JSON_TYPE, NDJSON_TYPE, {}]) {
      const response = await server.app.inject({ method: "HEAD", url: "/files/", headers });
      expect(response.statusCode).toBe(200);
      expect(response.body).toBe("");
    }
  });
});

describe("a listing as lines", () => {
  test("has every entry once, one a line", async () => {
    mkdirSync(join(server.directory, "sub"));
    for (let i = 0; i < 1_100; i++) writeFileSync(join(server.directory, `${i}\u2028"日`), "");
    const response = await server.app.inject({ url: "/files/", headers: NDJSON_TYPE });
    expect(response.statusCode).toBe(200);
    expect(response.headers["content-type"]).toBe("application/x-ndjson");
    const lines = response.body.split("\n");
    expect(lines.pop()).toBe("");
    const entries = lines.map((line) => JSON.parse(line) as Page["entries"][number]);
    expect(new Set(entries.map(({ name }) => name)).size).toBe(1_101);
    expect(entries).toHaveLength(1_101);
    expect(entries.find(({ name }) => name === "sub")).toMatchObject({
      type: "directory",
      size: null,
      etag: null,
    });
  });

  test("of nothing has no line", async () => {
    const response = await server.app.inject({ url: "/files/", headers: NDJSON_TYPE });
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe("");
  });

  test("leaves nothing open, however it ends", async () => {
    for (let i = 0; i < 1_500; i++) writeFileSync(join(server.directory, `${i}${"x".repeat(200)}`), "");
    const port = await listen(server.app);
    for (const method of ["HEAD", "GET"] as const) {
      for (let i = 0; i < 5; i++) await server.app.inject({ method, url: "/files/", headers: NDJSON_TYPE });
    }
    for (let i = 0; i < 5; i++) {
      const client = await RawClient.open(port);
      client.send("GET /files/ HTTP/1.1\r\nHost: a\r\nAccept: application/x-ndjson\r\n\r\n");
      if (i > 0) await client.until(/200 OK/);
      client.socket.destroy();
    }
    await sleep(100);
    await expect.poll(() => openIn(server.directory)).toEqual([server.directory]);
  });
});

describe("a directory as a page for people", () => {
  test.each([undefined, "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "text/plain"])(
    "is what a client gets that asks for %s",
    async (accept) => {
      add("a b.txt", 5, 1);
      mkdirSync(join(server.directory, "sub"));
      const response = await server.app.inject({
        url: "/files/",
        headers: accept === undefined ? {} : { accept },
      });
      expect(response.statusCode).toBe(200);
      expect(response.headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "x-content-type-options": "nosniff",
        "content-security-policy": expect.stringMatching(/^default-src 'none'; /) as string,
        vary: "accept",
      });
      expect(response.body).toContain('<a href="a%20b.txt">a b.txt</a>');
      expect(response.body).toContain('<a href="sub/">sub/</a>');
      expect(response.body).not.toContain(".wharf");
    },
  );

  test("shows a hostile name as text", async () => {
    add("<img src=x onerror=alert(1)>", 1, 1);
    const { body } = await server.app.inject("/files/");
    expect(body).not.toContain("<img");
    expect(body).toContain("&lt;img src=x onerror=alert(1)&gt;");
  });

  test("leads from page to page in the order that was asked for", async () => {
    for (let i = 0; i < 7; i++) add(String(i), 10 - i, 1);
    const names: string[] = [];
    let url: string | undefined = "/files/?limit=3&sort=size&order=asc";
    let count = 0;
    for (; url !== undefined && count < 10; count++) {
      const { body }: { body: string } = await server.app.inject(url);
      names.push(...[...body.matchAll(/<td><a href="(\d)"/g)].map(([, name = ""]) => name));
      const [, next]: string[] = /href="([^"]*)" rel="next"/.exec(body) ?? [];
      url = next && "/files/" + next.replaceAll("&amp;", "&");
    }
    expect(names).toEqual(["6", "5", "4", "3", "2", "1", "0"]);
    expect(count).toBe(3);
  });
});
