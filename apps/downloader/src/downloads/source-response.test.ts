import { createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { Agent, type Dispatcher } from "undici";
import { expect, onTestFinished, test } from "vitest";

import { toAttemptError } from "./failure.ts";
import { sendGet, type SourceRequest } from "./source-response.ts";

/** A server that answers each connection with whatever it likes, HTTP or not. */
async function startRaw(answer: (socket: Socket) => unknown): Promise<{ url: URL; closed: () => number }> {
  const sockets = new Set<Socket>();
  let closed = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => closed++);
    socket.once("data", () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    closed: () => closed,
  };
}

/** Writes `text` every 20 ms for as long as anybody listens. */
function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 20);
  socket.once("close", () => clearInterval(timer));
}

function get(url: URL, request: Partial<SourceRequest> = {}, agent: Dispatcher = newAgent()) {
  const { signal } = new AbortController();
  return sendGet(agent, { url, headers: {}, headersTimeoutMs: 5_000, signal, ...request });
}

function newAgent(options: Agent.Options = {}): Agent {
  const agent = new Agent(options);
  onTestFinished(() => agent.destroy());
  return agent;
}

async function failureOf(work: Promise<unknown>) {
  const outcome = await work.then(
    () => "no failure",
    (error: unknown) => toAttemptError(error),
  );
  if (typeof outcome === "string") throw new Error(outcome);
  return { code: outcome.code, detail: outcome.message, isTransient: outcome.isTransient };
}

const UNANSWERED = {
  code: "HEADERS_TIMEOUT",
  detail: "The server did not answer in time.",
  isTransient: true,
};

test("interim responses without end are no answer", async () => {
  const { url, closed } = await startRaw((socket) => drip(socket, "HTTP/1.1 103 Early Hints\r\n\r\n"));
  expect(await failureOf(get(url, { headersTimeoutMs: 200 }))).toEqual(UNANSWERED);
  await expect.poll(closed).toBe(1);
});

test("a head that comes byte by byte without end is no answer", async () => {
  const { url } = await startRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nx: ");
    drip(socket, "x");
  });
  expect(await failureOf(get(url, { headersTimeoutMs: 200 }))).toEqual(UNANSWERED);
});

test("silence is no answer", async () => {
  const { url } = await startRaw(() => undefined);
  expect(await failureOf(get(url, { headersTimeoutMs: 200 }))).toEqual(UNANSWERED);
});

test("the wait for a connection does not count as the server's", async () => {
  const { url } = await startRaw(async (socket) => {
    await sleep(150);
    socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
  });
  const agent = newAgent({ connections: 1 });
  const answers = Array.from({ length: 4 }, async () => {
    const response = await get(url, { headersTimeoutMs: 400 }, agent);
    await response.receive(() => undefined, 1_000);
    return response.status;
  });
  expect(await Promise.all(answers)).toEqual([200, 200, 200, 200]);
});

test("an interim response is passed over, and the body may take longer than the head", async () => {
  const { url } = await startRaw(async (socket) => {
    socket.write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab");
    await sleep(300);
    socket.write("cd");
  });
  const response = await get(url, { headersTimeoutMs: 100 });
  let text = "";
  await response.receive((chunk) => void (text += chunk.toString()), 1_000);
  expect(text).toBe("abcd");
});

test("a body that drips without end is given up, and may be tried again", async () => {
  const { url, closed } = await startRaw((socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    drip(socket, "x");
  });
  const response = await get(url, { transferTimeoutMs: 360 });
  let received = 0;
  const transfer = response.receive((chunk) => void (received += chunk.length), 5_000);
  expect(await failureOf(transfer)).toEqual({
    code: "TIMED_OUT",
    detail: "The transfer took longer than 0.0001 hours.",
    isTransient: true,
  });
  expect(received).toBeGreaterThan(0);
  await expect.poll(closed).toBe(1);
});

test("a transfer that waits for the disk is given up in time, too", async () => {
  const { url } = await startRaw((socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nx"));
  const response = await get(url, { transferTimeoutMs: 100 });
  const transfer = response.receive(() => sleep(1_000), 5_000);
  expect(await failureOf(transfer)).toMatchObject({ code: "TIMED_OUT" });
});
