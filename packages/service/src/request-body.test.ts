import { request as httpRequest } from "node:http";

import { afterEach, describe, expect, test, vi } from "vitest";

import { addBodyRoute, listen, testApp } from "./testing/app.ts";
import { lastJson, RawClient } from "./testing/raw-client.ts";

const MEBI = 2 ** 20;

async function clientOf(): Promise<RawClient> {
  const { app } = testApp((it) => {
    addBodyRoute(it);
    it.post("/json", (request) => ({ got: request.body }));
  });
  return await RawClient.open(await listen(app));
}

function put(path: string, headers: string): string {
  return `PUT ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`;
}

describe("a client that waits to be asked for its body", () => {
  test("is asked when the handler wants it", async () => {
    const client = await clientOf();
    client.send(put("/count", "Content-Length: 5\r\nExpect: 100-continue"));
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    client.send("12345");
    expect(await client.until(/\}/)).toMatch(/HTTP\/1\.1 200 [^]*\{"bytes":5\}/);
  });

  test("is asked once, however it writes the expectation", async () => {
    const client = await clientOf();
    client.send(put("/count", "Content-Length: 5\r\nexpect: 100-Continue"));
    await client.until(/100 Continue/);
    client.send("12345");
    await client.until(/\{"bytes":5\}/);
    expect(client.received.match(/100 Continue/g)).toHaveLength(1);
  });

  test("is asked before a body that the framework parses", async () => {
    const client = await clientOf();
    const headers = "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue";
    client.send(`POST /json HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`);
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    client.send("[]");
    expect(await client.until(/\}/)).toContain('{"got":[]}');
  });

  test("is refused without being asked, and its connection is ended", async () => {
    const client = await clientOf();
    client.send(put("/refuse", "Content-Length: 5\r\nExpect: 100-continue"));
    expect(await client.untilEnded()).toBe("end");
    expect(client.received).toMatch(/^HTTP\/1\.1 507 [^]*^connection: close$/im);
  });

  test("and did not wait after all still gets to read why it was refused", async () => {
    const client = await clientOf();
    client.send(put("/refuse", `Content-Length: ${64 * MEBI}\r\nExpect: 100-continue`));
    for (let sent = 0; sent < 64; sent++) client.send(Buffer.alloc(MEBI));
    client.socket.end();
    expect(await client.untilEnded()).toBe("end");
    expect(lastJson(client.received)).toEqual({ refused: true });
  });

  test("of anything else is served as if it had not said so", async () => {
    const client = await clientOf();
    client.send(put("/count", "Content-Length: 5\r\nExpect: a-miracle") + "12345");
    expect(await client.until(/\}/)).toMatch(/HTTP\/1\.1 200 [^]*\{"bytes":5\}/);
  });
});

describe("an answer before the end of a body", () => {
  test.each([
    ["that goes on to keep the connection", "X: y"],
    ["that is the last of its connection", "Connection: close"],
  ])("reaches a client that sends all of it first, in a request %s", async (_what, header) => {
    const client = await clientOf();
    client.send(put("/refuse", `Content-Length: ${64 * MEBI}\r\n${header}`));
    for (let sent = 0; sent < 64; sent++) client.send(Buffer.alloc(MEBI));
    client.socket.end();
    expect(await client.untilEnded()).toBe("end");
    expect(client.received).toMatch(/^HTTP\/1\.1 507 /);
    expect(lastJson(client.received)).toEqual({ refused: true });
  });

  test("reaches a client of an older HTTP", async () => {
    const client = await clientOf();
    client.send(`PUT /refuse HTTP/1.0\r\nHost: a\r\nContent-Length: ${64 * MEBI}\r\n\r\n`);
    for (let sent = 0; sent < 64; sent++) client.send(Buffer.alloc(MEBI));
    client.socket.end();
    expect(await client.untilEnded()).toBe("end");
    expect(lastJson(client.received)).toEqual({ refused: true });
  });

  test("reaches a client while the process is to end", async () => {
    const { app, health } = testApp(addBodyRoute);
    const client = await RawClient.open(await listen(app));
    health.isDraining = true;
    client.send(put("/refuse", `Content-Length: ${64 * MEBI}`));
    for (let sent = 0; sent < 64; sent++) client.send(Buffer.alloc(MEBI));
    client.socket.end();
    expect(await client.untilEnded()).toBe("end");
    expect(lastJson(client.received)).toEqual({ refused: true });
  });

  test("leaves the connection to the next request once the body is over", async () => {
    const client = await clientOf();
    client.send(put("/refuse", `Content-Length: ${MEBI}`));
    await client.until(/refused/);
    client.send(Buffer.alloc(MEBI));
    client.send(put("/count", "Content-Length: 3") + "abc");
    expect(await client.until(/bytes.*\}/)).toContain('{"bytes":3}');
  });

  test("is seen by Node's own client", async () => {
    const { app } = testApp(addBodyRoute);
    const port = await listen(app);
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest({ port, host: "127.0.0.1", method: "PUT", path: "/refuse" });
      request.on("response", (response) => {
        response.resume();
        resolve(response.statusCode);
        request.destroy();
      });
      request.on("error", reject);
      request.setHeader("content-length", 256 * MEBI);
      request.write(Buffer.alloc(8 * MEBI));
    });
    expect(status).toBe(507);
  });
});

describe("a body that nobody wants", () => {
  afterEach(() => void vi.useRealTimers());

  test.each(["X: y", "Connection: close"])("is read for a while only (%s)", async (header) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const client = await clientOf();
    client.send(put("/refuse", `Transfer-Encoding: chunked\r\n${header}`) + "5\r\n12345\r\n");
    await client.until(/refused/);
    await vi.advanceTimersByTimeAsync(9_000);
    expect(client.socket.destroyed).toBe(false);
    client.send("5\r\n12345\r\n");
    await vi.advanceTimersByTimeAsync(2_000);
    await expect.poll(() => client.socket.write("5\r\n12345\r\n") && client.ending).not.toBe(undefined);
  });
});

describe("a body that ends early", () => {
  test.each([
    ["by its length", "Content-Length: 10", "12345"],
    ["by its chunks", "Transfer-Encoding: chunked", "5\r\n12345\r\n"],
  ])("%s is answered as such to a client that can still read", async (_what, header, body) => {
    const client = await clientOf();
    client.send(put("/count", header) + body);
    client.socket.end();
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 400 /);
    expect(lastJson(client.received)).toMatchObject({ status: 400, code: "BODY_TRUNCATED" });
  });

  test("in a chunk that is none is answered as no request", async () => {
    const client = await clientOf();
    client.send(put("/count", "Transfer-Encoding: chunked") + "xyz\r\n");
    await client.untilEnded();
    expect(lastJson(client.received)).toMatchObject({ status: 400, code: "BAD_REQUEST" });
  });
});
