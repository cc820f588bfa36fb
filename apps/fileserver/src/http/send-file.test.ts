import { once } from "node:events";
import { closeSync, openSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { get as httpGet, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { RawClient } from "@wharf/service/testing/raw-client";
import { beforeEach, describe, expect, test } from "vitest";

import { listen, openIn, testFileserver, type Fileserver } from "../testing/fileserver.ts";

const MEBI = 2 ** 20;
/** More than the sockets of both sides hold, so that the sender has to wait for the reader. */
const SIZE = 24 * MEBI;

let server: Fileserver;
let port: number;
let path: string;
let idle: string[];

/** Bytes that differ by their place, so that one in the wrong place shows. */
function bytes(size: number, seed = 0): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 2654435761);
  return Buffer.from(words.buffer, 0, size);
}

beforeEach(async () => {
  server = await testFileserver({ MAX_TRANSFERS: "3" });
  port = await listen(server.app);
  path = join(server.directory, "large");
  idle = openIn(server.directory);
});

/** Asks for the file, and resolves at its first bytes, the rest left unread. */
async function begin(headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const request = httpGet({ port, host: "127.0.0.1", path: "/files/large", headers, agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

async function rest(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("every byte is sent in its place", () => {
  // Around the size of the buffers, whose turns change there.
  const half = MEBI / 2;
  test.each([1, half - 1, half, half + 1, MEBI - 1, MEBI, MEBI + 1, 3 * half + 7, 5 * MEBI])(
    "of %d",
    async (size) => {
      const body = bytes(size);
      writeFileSync(path, body);
      const received = await rest(await begin());
      expect(received.equals(body)).toBe(true);
    },
  );

  test.each([
    [1, 5 * MEBI],
    [half - 3, 3 * MEBI + 5],
    [4 * MEBI, 5 * MEBI],
    [5 * MEBI - 1, 5 * MEBI],
  ])("of a range from %d to %d", async (start, end) => {
    const body = bytes(5 * MEBI);
    writeFileSync(path, body);
    const received = await rest(await begin({ range: `bytes=${start}-${end - 1}` }));
    expect(received.equals(body.subarray(start, end))).toBe(true);
  });

  test("to many at once, each at a pace of its own", async () => {
    server = await testFileserver();
    port = await listen(server.app);
    const body = bytes(8 * MEBI);
    writeFileSync(join(server.directory, "large"), body);
    const received = await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const response = await begin();
        await sleep(i * 10);
        const chunks: Buffer[] = [];
        for await (const chunk of response) {
          chunks.push(chunk as Buffer);
          if (i % 3 === 0 && chunks.length % 40 === 0) await sleep(1);
        }
        return Buffer.concat(chunks);
      }),
    );
    expect(received.map((each) => each.equals(body))).toEqual(Array.from({ length: 12 }, () => true));
  });

  test("to the next request on the same connection as well", async () => {
    const body = bytes(MEBI + 1);
    writeFileSync(path, body);
    const client = await RawClient.open(port);
    client.send(
      "GET /files/large HTTP/1.1\r\nHost: a\r\n\r\nGET /files/large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    );
    expect(await client.untilEnded()).toBe("end");
    const text = body.toString("latin1");
    const bodies = client.received.split(text);
    expect(bodies).toHaveLength(3);
    expect(bodies[0]).toMatch(/^HTTP\/1\.1 200 /);
    expect(bodies[1]).toMatch(/^HTTP\/1\.1 200 /);
    expect(bodies[2]).toBe("");
  });
});

describe("a client that goes away", () => {
  beforeEach(() => writeFileSync(path, Buffer.alloc(SIZE, "x")));

  test.each([
    ["while it reads", true],
    ["after it has stopped reading", false],
  ])("%s leaves nothing open", async (_what, reads) => {
    for (let i = 0; i < 5; i++) {
      const response = await begin();
      if (reads) response.resume();
      await once(response, reads ? "data" : "readable");
      await expect.poll(() => openIn(server.directory).length).toBeGreaterThan(idle.length);
      if (i % 2 === 0) response.socket.destroy();
      else response.socket.resetAndDestroy();
      response.on("error", () => undefined);
      await expect.poll(() => openIn(server.directory)).toEqual(idle);
    }
    expect(server.log.filter(([, message]) => message === "a transfer ended early")).toHaveLength(5);
  });

  test("before it has read anything leaves nothing open", async () => {
    for (let i = 0; i < 10; i++) {
      const client = await RawClient.open(port);
      client.send("GET /files/large HTTP/1.1\r\nHost: a\r\n\r\n");
      if (i > 5) await sleep(i);
      client.socket.resetAndDestroy();
    }
    await sleep(100);
    await expect.poll(() => openIn(server.directory)).toEqual(idle);
  });

  test("lets others have its transfer", async () => {
    for (let i = 0; i < 4; i++) {
      const responses = [await begin(), await begin(), await begin()];
      for (const response of responses) {
        expect(response.statusCode).toBe(200);
        response.on("error", () => undefined).destroy();
      }
      await expect.poll(() => openIn(server.directory)).toEqual(idle);
    }
  });
});

test("a client that does not read has no more than two buffers waiting for it", async () => {
  writeFileSync(path, Buffer.alloc(SIZE, "x"));
  const connection = once(server.app.server, "connection") as Promise<[Socket]>;
  const response = await begin();
  const [socket] = await connection;
  await sleep(300);
  expect(socket.writableLength).toBeGreaterThan(0);
  expect(socket.writableLength).toBeLessThanOrEqual(MEBI + 1_024);
  expect((await rest(response)).length).toBe(SIZE);
});

test("a client's next transfer has the place of its last one, though there is only one", async () => {
  server = await testFileserver({ MAX_TRANSFERS: "1" });
  writeFileSync(join(server.directory, "small"), "x");
  writeFileSync(join(server.directory, "large"), Buffer.alloc(MEBI, "x"));
  const client = await RawClient.open(await listen(server.app));
  const requests = [
    ["GET /files/small", ""],
    ["HEAD /files/small", ""],
    ["GET /files/small", "If-None-Match: *\r\n"],
    ["GET /files/small", "Range: bytes=5-\r\n"],
    ["GET /files/large", ""],
    ["PUT /files/new", "Content-Length: 0\r\n"],
  ] as const;
  for (const [line, header] of requests) {
    for (let i = 0; i < 30; i++) {
      client.received = "";
      client.send(`${line} HTTP/1.1\r\nHost: a\r\n${header}\r\n`);
      const [head = ""] = (await client.until(/\r\n\r\n/)).split("\r\n\r\n");
      expect(head).not.toMatch(/^HTTP\/1\.1 503 /);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const size = line.startsWith("HEAD") || head.includes(" 304 ") ? 0 : length;
      // Not by another pattern: a mebibyte would be searched once a chunk.
      while (client.received.length < head.length + 4 + size) await once(client.socket, "data");
    }
  }
});

describe("as many transfers run as may", () => {
  beforeEach(() => writeFileSync(path, Buffer.alloc(SIZE, "x")));

  test("and one more is told to come again, whatever it is", async () => {
    const running = [await begin(), await begin(), await begin()];
    const requests = [
      { method: "GET", url: "/files/large" },
      { method: "PUT", url: "/files/new", payload: "x" },
    ] as const;
    for (const request of requests) {
      const response = await server.app.inject(request);
      expect(response.statusCode).toBe(503);
      expect(response.headers["retry-after"]).toBe("1");
      expect(response.json()).toMatchObject({ status: 503, code: "TOO_MANY_TRANSFERS" });
    }
    // What is no transfer is not in its way.
    for (const url of ["/files/", "/livez", "/readyz"])
      expect((await server.app.inject(url)).statusCode).toBe(200);
    for (const response of running) expect((await rest(response)).length).toBe(SIZE);
    expect((await server.app.inject("/files/large")).statusCode).toBe(200);
  });
});

describe("a file that changes while it is sent", () => {
  const body = bytes(SIZE);
  beforeEach(() => writeFileSync(path, body));

  test("is sent as it was when it is replaced", async () => {
    const response = await begin();
    const put = await server.app.inject({ method: "PUT", url: "/files/large", payload: "new" });
    expect(put.statusCode).toBe(204);
    const received = await rest(response);
    expect(received.equals(body)).toBe(true);
    expect((await server.app.inject("/files/large")).body).toBe("new");
  });

  test("is sent as it was when it is removed, or moved by somebody at the disk", async () => {
    const [first, second] = [await begin(), await begin()];
    renameSync(path, `${path}-moved`);
    closeSync(openSync(path, "w"));
    expect((await server.app.inject({ method: "DELETE", url: "/files/large-moved" })).statusCode).toBe(204);
    for (const response of [first, second]) expect((await rest(response)).equals(body)).toBe(true);
  });

  test("by becoming shorter ends the response abnormally, and never looks whole", async () => {
    const response = await begin();
    expect(response.headers["content-length"]).toBe(String(SIZE));
    truncateSync(path, 15 * MEBI);
    await expect(rest(response)).rejects.toThrow(/aborted/);
    await expect.poll(() => openIn(server.directory)).toEqual(idle);
    expect(server.log.flat()).toContainEqual({
      err: expect.objectContaining({ code: "FILE_SHRANK" }) as Error,
    });
  });

  test("by becoming longer is sent as long as was said", async () => {
    const response = await begin();
    writeFileSync(path, "more", { flag: "a" });
    expect((await rest(response)).equals(body)).toBe(true);
  });
});
