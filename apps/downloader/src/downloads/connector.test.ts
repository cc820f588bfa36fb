import type { LookupAddress } from "node:dns";
import { createServer, type AddressInfo } from "node:net";

import { addressSet } from "@wharf/service";
import { Agent } from "undici";
import { expect, onTestFinished, test, vi } from "vitest";

import { startOrigin } from "../testing/origin.ts";
import { guardedConnector, type ResolveAll } from "./connector.ts";
import { AddressForbiddenError } from "./errors.ts";
import type { GuardPolicy } from "./guard.ts";
import { sendGet } from "./source-response.ts";

const STRICT: GuardPolicy = { networks: addressSet([]), hasNetworks: false, ports: "any" };
const LOOPBACK_1: GuardPolicy = { networks: addressSet(["127.0.0.1"]), hasNetworks: true, ports: "any" };

/** Resolves every name to the answers given, one after the other. */
function resolving(...answers: string[][]): ResolveAll {
  let count = 0;
  return (_hostname, _options, callback) => {
    const answer = answers[Math.min(count++, answers.length - 1)] ?? [];
    callback(
      null,
      answer.map((address): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
}

function get(url: string, policy: GuardPolicy, resolve?: ResolveAll) {
  const agent = new Agent({
    connect: guardedConnector(policy, { timeoutMs: 2_000, ...(resolve && { resolve }) }),
    allowH2: false,
  });
  onTestFinished(() => agent.destroy());
  return sendGet(agent, {
    url: new URL(url),
    headers: {},
    headersTimeoutMs: 2_000,
    signal: new AbortController().signal,
  });
}

/** A listener that counts connections, and hears whatever is sent on them. */
async function startCounter(
  host: string,
): Promise<{ port: number; connections: () => number; heard: () => number }> {
  let [connections, heard] = [0, 0];
  const server = createServer((socket) => {
    connections++;
    socket.on("data", (chunk) => (heard += chunk.length)).on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    heard: () => heard,
  };
}

test.each(["http", "https"])("nothing is connected to at a forbidden literal, by %s", async (scheme) => {
  const counter = await startCounter("127.0.0.1");
  for (const host of ["127.0.0.1", "2130706433", "0x7f.1", "127.1", "0", "[::ffff:7f00:1]", "127.0.0.1."]) {
    await expect(get(`${scheme}://${host}:${counter.port}/`, STRICT)).rejects.toThrow(AddressForbiddenError);
  }
  expect(counter.connections()).toBe(0);
});

test("a name that leads to forbidden addresses only is not connected to", async () => {
  const counter = await startCounter("127.0.0.1");
  const resolve = resolving(["127.0.0.1", "::1", "10.0.0.1"]);
  await expect(get(`http://name.example:${counter.port}/`, STRICT, resolve)).rejects.toThrow(
    AddressForbiddenError,
  );
  expect(counter.connections()).toBe(0);
});

test("a name that led to a permitted address, and now leads to a forbidden one as well, is not connected to there", async () => {
  const origin = await startOrigin((_request, response) => {
    response.setHeader("connection", "close");
    response.end("open");
  });
  const { port } = new URL(origin.url);
  const counter = createServer().listen(Number(port), "127.0.0.2");
  let connections = 0;
  counter.on("connection", () => connections++);
  onTestFinished(() => void counter.close());
  const resolve = resolving(["127.0.0.1"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.2"]);
  const agent = new Agent({ connect: guardedConnector(LOOPBACK_1, { timeoutMs: 2_000, resolve }) });
  onTestFinished(() => agent.destroy());
  const ask = () =>
    sendGet(agent, {
      url: new URL(`http://name.example:${port}/`),
      headers: {},
      headersTimeoutMs: 2_000,
      signal: new AbortController().signal,
    });
  for (const status of [200, 200]) {
    const response = await ask();
    expect(response.status).toBe(status);
    await response.receive(() => undefined, 2_000);
  }
  await expect(ask()).rejects.toThrow(AddressForbiddenError);
  expect(connections).toBe(0);
});

test("the system's own names for this machine are not connected to", async () => {
  const counter = await startCounter("127.0.0.1");
  await expect(get(`http://localhost:${counter.port}/`, STRICT)).rejects.toThrow(AddressForbiddenError);
  expect(counter.connections()).toBe(0);
});

test("of a name's addresses only the permitted ones are connected to", async () => {
  // Here 127.0.0.1 is what may be reached, and 127.0.0.2 what must not be.
  const origin = await startOrigin((_request, response) => response.end("open"), "127.0.0.1");
  const { port } = new URL(origin.url);
  const forbidden: unknown[] = [];
  const server = createServer((socket) => forbidden.push(socket)).listen(Number(port), "127.0.0.2");
  onTestFinished(() => void server.close());
  for (const answer of [
    ["127.0.0.2", "127.0.0.1"],
    ["127.0.0.1", "127.0.0.2"],
  ]) {
    const response = await get(`http://name.example:${port}/`, LOOPBACK_1, resolving(answer));
    expect(response.status).toBe(200);
    response.discard();
  }
  expect(forbidden).toEqual([]);
});

test("a name that changes its address between two connections is judged each time", async () => {
  const origin = await startOrigin((_request, response) => {
    response.setHeader("connection", "close");
    response.end("open");
  });
  const { port } = new URL(origin.url);
  const counter = await startCounter("127.0.0.2");
  const resolve = resolving(["127.0.0.1"], ["127.0.0.2"]);
  const agent = new Agent({ connect: guardedConnector(LOOPBACK_1, { timeoutMs: 2_000, resolve }) });
  onTestFinished(() => agent.destroy());
  const request = { headers: {}, headersTimeoutMs: 2_000, signal: new AbortController().signal };
  const first = await sendGet(agent, { ...request, url: new URL(`http://name.example:${port}/`) });
  first.discard();
  await expect(
    sendGet(agent, { ...request, url: new URL(`http://name.example:${counter.port}/`) }),
  ).rejects.toThrow(AddressForbiddenError);
  expect(counter.connections()).toBe(0);
});

test.each(["http", "https"])(
  "what was connected to is judged again, before a byte is sent, by %s",
  async (scheme) => {
    const counter = await startCounter("127.0.0.1");
    // A resolver whose answer is one thing when it is judged and another when it is used.
    const shifty: ResolveAll = (_hostname, _options, callback) => {
      let reads = 0;
      const address = { family: 4 } as LookupAddress;
      Object.defineProperty(address, "address", { get: () => (reads++ === 0 ? "1.1.1.1" : "127.0.0.1") });
      callback(null, [address]);
    };
    const onRefusal = vi.fn<() => void>();
    const connect = guardedConnector({ ...STRICT, onRefusal }, { timeoutMs: 2_000, resolve: shifty });
    const agent = new Agent({ connect, allowH2: false });
    onTestFinished(() => agent.destroy());
    await expect(
      sendGet(agent, {
        url: new URL(`${scheme}://name.example:${counter.port}/`),
        headers: {},
        headersTimeoutMs: 2_000,
        signal: new AbortController().signal,
      }),
    ).rejects.toThrow(AddressForbiddenError);
    expect(onRefusal).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(counter.connections()).toBe(1));
    expect(counter.heard()).toBe(0);
  },
);
