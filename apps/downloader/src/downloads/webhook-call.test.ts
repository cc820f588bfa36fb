import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

import { addressSet } from "@wharf/service";
import { expect, onTestFinished, test } from "vitest";

import { startOrigin } from "../testing/origin.ts";
import { createDispatcher } from "./dispatcher.ts";
import type { GuardPolicy } from "./guard.ts";
import { callWebhook } from "./webhook-call.ts";

const LOOPBACK_1: GuardPolicy = { networks: addressSet(["127.0.0.1"]), hasNetworks: true, ports: "any" };
const MESSAGE = { headers: { "content-type": "application/json", "webhook-id": "d1_5" }, body: '{"a":"ü"}' };

function call(url: string, signal: AbortSignal = AbortSignal.timeout(2_000)) {
  const proxies = { httpProxy: undefined, httpsProxy: undefined, noProxy: [] };
  const dispatcher = createDispatcher({ ...proxies, connectTimeoutMs: 2_000, maxPerHost: 2 }, LOOPBACK_1);
  onTestFinished(() => dispatcher.destroy());
  return callWebhook({ dispatcher, policy: LOOPBACK_1 }, url, MESSAGE, signal);
}

test("a message is posted as it is", async () => {
  let body = "";
  const receiver = await startOrigin(async (request, response) => {
    for await (const chunk of request) body += String(chunk);
    response.writeHead(204).end();
  });
  expect(await call(`${receiver.url}/hook?token=t#part`)).toEqual({ kind: "delivered", why: "204" });
  const [request] = receiver.requests;
  expect(request).toMatchObject({ method: "POST", url: "/hook?token=t" });
  expect(request?.headers).toMatchObject({ ...MESSAGE.headers, "content-length": "10" });
  expect(body).toBe(MESSAGE.body);
});

test.each([
  [200, {}, { kind: "delivered" }],
  [202, {}, { kind: "delivered" }],
  [410, {}, { kind: "gone" }],
  [404, {}, { kind: "failed", retryAfterMs: undefined }],
  [500, {}, { kind: "failed", retryAfterMs: undefined }],
  [429, { "retry-after": "7" }, { kind: "failed", retryAfterMs: 7_000 }],
  [503, { "retry-after": "nonsense" }, { kind: "failed", retryAfterMs: undefined }],
])("an answer of %i %j", async (status, headers, result) => {
  const receiver = await startOrigin((_request, response) => response.writeHead(status, headers).end("x"));
  expect(await call(receiver.url)).toEqual({ ...result, why: String(status) });
});

test.each([301, 302, 303, 307, 308])(
  "a redirect by %i is not followed, and is no success",
  async (status) => {
    const receiver = await startOrigin((_request, response) => {
      response.writeHead(status, { location: "/elsewhere" }).end();
    });
    expect(await call(receiver.url)).toMatchObject({ kind: "failed", why: String(status) });
    expect(receiver.requests).toHaveLength(1);
  },
);

test("an endless answer is not read", async () => {
  const receiver = await startOrigin((_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(Buffer.alloc(1000)), 1);
    response.on("close", () => clearInterval(timer));
  });
  expect(await call(receiver.url)).toEqual({ kind: "delivered", why: "200" });
});

test("one that does not answer, or is not there, has not been told", async () => {
  const mute = await startOrigin(() => undefined);
  expect(await call(mute.url, AbortSignal.timeout(100))).toMatchObject({ kind: "failed", why: "TIMED_OUT" });
  expect(await call("http://127.0.0.1:1/")).toMatchObject({ kind: "failed", why: "CONNECTION_FAILED" });
  expect(await call("http://name.invalid/")).toMatchObject({ kind: "failed", why: "NAME_UNKNOWN" });
  expect(await call(mute.url, AbortSignal.abort())).toMatchObject({ kind: "failed", why: "TIMED_OUT" });
});

test.each([
  ["http://127.0.0.2:PORT/", "URL_FORBIDDEN"],
  ["http://[::ffff:127.0.0.2]:PORT/", "URL_FORBIDDEN"],
  ["http://u:p@127.0.0.1:PORT/", "URL_FORBIDDEN"],
  ["file:///etc/passwd", "URL_FORBIDDEN"],
  ["http:\\\\127.0.0.1:PORT\\", "URL_INVALID"],
])("%s is never called", async (url, why) => {
  let connections = 0;
  const server = createServer(() => connections++).listen(0, "127.0.0.2");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await call(url.replace("PORT", String(port)))).toEqual({ kind: "forbidden", why });
  expect(connections).toBe(0);
});

test("a name that leads to a forbidden address is never called", async () => {
  const policy: GuardPolicy = { networks: addressSet(["203.0.113.0/24"]), hasNetworks: true, ports: "any" };
  const receiver = await startOrigin((_request, response) => response.end());
  const options = {
    httpProxy: undefined,
    httpsProxy: undefined,
    noProxy: [],
    connectTimeoutMs: 500,
    maxPerHost: 1,
  };
  const dispatcher = createDispatcher(options, policy);
  onTestFinished(() => dispatcher.destroy());
  const url = receiver.url.replace("127.0.0.1", "localhost");
  const result = await callWebhook({ dispatcher, policy }, url, MESSAGE, AbortSignal.timeout(2_000));
  expect(result).toEqual({ kind: "forbidden", why: "ADDRESS_FORBIDDEN" });
  expect(receiver.requests).toEqual([]);
});
