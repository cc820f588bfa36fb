import { hostname } from "node:os";

import { describe, expect, test } from "vitest";

import { addBodyRoute, listen, testApp } from "./testing/app.ts";
import { lastJson, RawClient } from "./testing/raw-client.ts";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe("a request's id", () => {
  test.each(["abc", "a.b:c=d+e/f_g-h", "0", "x".repeat(128)])(
    "is the client's when it is sane: %s",
    async (id) => {
      const { app } = testApp((it) => it.get("/", () => ""));
      const response = await app.inject({ url: "/", headers: { "x-request-id": id } });
      expect(response.headers["x-request-id"]).toBe(id);
    },
  );

  test.each(["", "a b", "a,b", "<script>", "é", "x".repeat(129), '{"level":60}'])(
    "is our own when it is not: %s",
    async (id) => {
      const { app } = testApp((it) => it.get("/", () => ""));
      const response = await app.inject({ url: "/", headers: { "x-request-id": id } });
      expect(response.headers["x-request-id"]).toMatch(UUID);
    },
  );

  test("differs from request to request", async () => {
    const { app } = testApp((it) => it.get("/", () => ""));
    const [a, b] = [await app.inject("/"), await app.inject("/nothing")];
    expect(a.headers["x-request-id"]).toMatch(UUID);
    expect(b.headers["x-request-id"]).toMatch(UUID);
    expect(a.headers["x-request-id"]).not.toBe(b.headers["x-request-id"]);
  });
});

test.each(["/", "/nothing", "/livez", "/%zz"])("a response tells which replica gave it: %s", async (url) => {
  const { app } = testApp((it) => it.get("/", () => ""));
  const response = await app.inject(url);
  expect(response.headers["x-served-by"]).toBe(hostname());
});

test("text is not read where JSON is expected, whatever it looks like", async () => {
  const { app } = testApp((it) => it.post("/", () => ""));
  const headers = { "content-type": "text/plain" };
  const response = await app.inject({ method: "POST", url: "/", headers, payload: '{"a":1}' });
  expect(response.statusCode).toBe(415);
  expect(response.json()).toMatchObject({ code: "UNSUPPORTED_MEDIA_TYPE" });
});

describe("the log", () => {
  test("has one line for each request, with its id, what was asked and what was answered", async () => {
    const { app, log } = testApp((it) => it.get("/items", () => ""));
    await app.inject({ url: "/items?x=1", headers: { "x-request-id": "abc" } });
    expect(log).toEqual([
      expect.objectContaining({
        requestId: "abc",
        method: "GET",
        url: "/items?x=1",
        status: 200,
        ms: expect.any(Number) as number,
        msg: expect.stringMatching(/^GET \/items\?x=1 200 \d+ ms$/) as string,
      }),
    ]);
  });

  test("has the request's id on the lines of its handler", async () => {
    const { app, log } = testApp((it) =>
      it.get("/", (request) => {
        request.log.warn("careful");
        return "";
      }),
    );
    await app.inject({ url: "/", headers: { "x-request-id": "abc" } });
    expect(log).toContainEqual(expect.objectContaining({ msg: "careful", requestId: "abc" }));
  });

  test("has none of a request's credentials, however it ends", async () => {
    const { app, log } = testApp((it) => {
      it.get("/", () => "");
      it.get("/broken", () => {
        throw new Error("broken");
      });
    });
    const headers = { authorization: "Bearer s3cret", cookie: "wharf=s3cret" };
    for (const url of ["/", "/broken", "/nothing", "/%zz"]) await app.inject({ url, headers });
    expect(log.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(log)).not.toContain("s3cret");
  });

  test("is not filled by the checks of a cluster", async () => {
    const { app, log } = testApp();
    await app.inject("/livez");
    await app.inject("/readyz");
    expect(log).toEqual([]);
  });

  test("tells of a request whose client went away before the answer", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { promise: gone, resolve: leave } = Promise.withResolvers<void>();
    const { app, log } = testApp((it) =>
      it.get("/slow", async () => {
        arrive();
        await gone;
        return "";
      }),
    );
    const client = await RawClient.open(await listen(app));
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc\r\n\r\n");
    await arrived;
    client.socket.destroy();
    await expect.poll(() => log).toContainEqual(expect.objectContaining({ url: "/slow", requestId: "abc" }));
    leave();
    await new Promise(setImmediate);
    expect(log.filter(({ url }) => url === "/slow")).toHaveLength(1);
  });
});

describe("a request that names its whole URL", () => {
  test.each([
    ["http://example.test/items?x=1", "/items?x=1"],
    ["HTTP://example.test:8080/items", "/items"],
    ["https://example.test?x=1", "/?x=1"],
    ["http://example.test", "/"],
  ])("%s is answered as %s", async (target, expected) => {
    const { app } = testApp((it) => it.get("/*", (request) => ({ url: request.url })));
    const client = await RawClient.open(await listen(app));
    client.send(`GET ${target} HTTP/1.1\r\nHost: example.test\r\nConnection: close\r\n\r\n`);
    await client.untilEnded();
    expect(client.received).toMatch(/^HTTP\/1\.1 200 /);
    expect(client.received).toContain(JSON.stringify({ url: expected }));
  });
});

describe("bytes that are no request", () => {
  const statuses = { garbage: [400, "BAD_REQUEST"], large: [431, "HEADERS_TOO_LARGE"] } as const;
  test.each([
    ["garbage", "\x16\x03\x01garbage\r\n\r\n", statuses.garbage],
    [
      "two lengths",
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      statuses.garbage,
    ],
    [
      "a length and chunks",
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      statuses.garbage,
    ],
    ["a large header", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40_000)}\r\n\r\n`, statuses.large],
    ["a long URL", `GET /${"x".repeat(40_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, statuses.large],
  ])("are answered with a problem: %s", async (_what, bytes, [status, code]) => {
    const { app } = testApp();
    const client = await RawClient.open(await listen(app));
    client.send(bytes);
    expect(await client.untilEnded()).toBe("end");
    const [head = "", body = ""] = client.received.split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/problem\+json; charset=utf-8$/im);
    expect(head).toMatch(/^x-request-id: [0-9a-f-]{36}$/im);
    expect(head).toMatch(new RegExp(`^x-served-by: ${hostname()}$`, "im"));
    expect(head).toMatch(/^connection: close$/im);
    expect(JSON.parse(body)).toMatchObject({ status, code });
  });

  test("never end up in a response that is being sent", async () => {
    const { promise: rest, resolve: sendRest } = Promise.withResolvers<void>();
    const { app } = testApp((it) =>
      it.get("/", (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { "content-length": 10_000 });
        reply.raw.write("first");
        void rest.then(() => reply.raw.end("x".repeat(9_995)));
      }),
    );
    const client = await RawClient.open(await listen(app));
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until(/first/);
    client.send("\x16\x03\x01garbage\r\n\r\n");
    await client.untilEnded();
    sendRest();
    expect(client.received).not.toContain("BAD_REQUEST");
    expect(client.received.endsWith("first")).toBe(true);
  });
});

describe("a request that is not clear", () => {
  test.each([
    ["without a Host (RFC 9112 §3.2)", "GET / HTTP/1.1\r\n\r\n", 400, "BAD_REQUEST"],
    ["with two", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, "BAD_REQUEST"],
    [
      "with a transfer coding that is not known (RFC 9112 §6.1)",
      "PUT /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      501,
      "NOT_IMPLEMENTED",
    ],
    [
      "for a tunnel",
      "CONNECT example.test:443 HTTP/1.1\r\nHost: example.test:443\r\n\r\n",
      501,
      "NOT_IMPLEMENTED",
    ],
  ])("%s is answered with a problem", async (_what, bytes, status, code) => {
    const { app } = testApp((it) => {
      it.get("/", () => "here");
      addBodyRoute(it);
    });
    const client = await RawClient.open(await listen(app));
    client.send(bytes);
    expect(await client.untilEnded()).toBe("end");
    const [head = ""] = client.received.split("\r\n\r\n");
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(head).toMatch(/^content-type: application\/problem\+json; charset=utf-8$/im);
    expect(head).toMatch(/^x-request-id: [0-9a-f-]{36}$/im);
    expect(lastJson(client.received)).toMatchObject({ status, code });
  });

  test.each(["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"])(
    "is not this one: %j",
    async (bytes) => {
      const { app } = testApp((it) => it.get("/", () => "here"));
      const client = await RawClient.open(await listen(app));
      client.send(bytes);
      await client.untilEnded();
      expect(client.received).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test("is none for its chunks, in whatever letters", async () => {
    const { app } = testApp(addBodyRoute);
    const client = await RawClient.open(await listen(app));
    client.send("PUT /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    expect(await client.until(/\}\n/)).toContain('{"bytes":1}');
  });
});

test("a header of 12 KiB, as a long path in another alphabet needs, is no problem", async () => {
  const { app } = testApp((it) => it.get("/*", () => "here"));
  const client = await RawClient.open(await listen(app));
  client.send(`GET /${"%E4%B8%AD".repeat(1365)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await client.untilEnded();
  expect(client.received).toMatch(/^HTTP\/1\.1 200 /);
});

describe("while the process is to end", () => {
  test("a response asks its client to connect anew", async () => {
    const { app, health } = testApp((it) => it.get("/", () => "here"));
    const before = await app.inject("/");
    expect(before.headers.connection).not.toBe("close");
    health.isDraining = true;
    for (const url of ["/", "/nothing", "/livez", "/%zz"]) {
      const { headers } = await app.inject(url);
      expect({ url, connection: headers.connection }).toEqual({ url, connection: "close" });
    }
  });

  test("a request on an open connection is still served, and its connection ends then", async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
    const { promise: release, resolve: finish } = Promise.withResolvers<void>();
    const { app } = testApp((it) => {
      it.get("/slow", async () => {
        arrive();
        await release;
        return "slow";
      });
      it.get("/", () => "here");
    });
    const port = await listen(app);
    const client = await RawClient.open(port);
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    await arrived;
    const closed = app.close();
    await expect.poll(() => app.server.listening).toBe(false);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await new Promise(setImmediate);
    finish();
    await client.untilEnded();
    await closed;
    const [slow = "", here = ""] = client.received.split(/(?<=slow)(?=HTTP)/);
    expect(slow).toMatch(/^HTTP\/1\.1 200 /);
    expect(here).toMatch(/^HTTP\/1\.1 200 [^]*^connection: close[^]*here$/im);
  });
});
