import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, describe, expect, test } from "vitest";

import type { LogLine } from "./testing/app.ts";
import { RawClient } from "./testing/raw-client.ts";

const isRoot = process.getuid?.() === 0;
const FIXTURE = join(import.meta.dirname, "testing", "fixture.ts");

// The tests run beside each other, most of their time being other processes'; what they leave goes at the end of all.
const leftovers: (() => unknown)[] = [];
const atTheEnd = (work: () => unknown): void => void leftovers.push(work);
afterAll(async () => {
  for (const work of leftovers.toReversed()) await work();
});

/** Waits until `isSo`; the test's own time limit is the limit. */
async function eventually(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(20);
}

/** The fixture as a process of its own. */
class Process {
  readonly log: LogLine[] = [];
  stderr = "";
  readonly exit: Promise<{ code: number | null; afterMs: number }>;
  readonly #child;
  #signaledAt = 0;

  /** @param inside what runs it: `unshare` with its options */
  constructor(env: Record<string, string>, inside: readonly string[] = []) {
    const [program, ...args] = [...inside, process.execPath, FIXTURE];
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      this.log.push(...lines.map((line) => JSON.parse(line) as LogLine));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (this.stderr += text));
    this.exit = once(child, "close").then(([code]) => ({
      code: code as number | null,
      afterMs: performance.now() - this.#signaledAt,
    }));
    atTheEnd(() => void child.kill("SIGKILL"));
  }

  signal(name: "SIGTERM" | "SIGINT"): void {
    this.#signaledAt ||= performance.now();
    this.#child.kill(name);
  }

  /** Sends a signal to what it runs in. */
  async signalInside(name: "SIGTERM"): Promise<void> {
    const { pid } = this.#child;
    const [inner = ""] = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ");
    process.kill(Number(inner), name);
  }

  get messages(): string[] {
    return this.log.map(({ msg }) => String(msg));
  }

  /** Waits for a line of the log, and resolves to the port it tells of. */
  async port(pattern: RegExp): Promise<number> {
    await eventually(() => this.messages.some((message) => pattern.test(message)));
    const line = this.messages.find((message) => pattern.test(message));
    return Number(/:(\d+)$/.exec(line ?? "")?.[1]);
  }
}

async function start(
  env: Record<string, string> = {},
): Promise<{ process: Process; port: number; management: number }> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-service-"));
  atTheEnd(() => rm(directory, { recursive: true, force: true }));
  const process = new Process({ PORT: "0", METRICS_PORT: "0", VOLUME_DIR: directory, ...env });
  const port = await process.port(/^fixture listens on http:/);
  return { process, port, management: await process.port(/^management listens on http:/) };
}

async function get(
  port: number,
  path: string,
): Promise<{ status: number; body: string; connection: string | null }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  const body = await response.text();
  return { status: response.status, body, connection: response.headers.get("connection") };
}

/** Asks for a response that takes `ms`, and resolves when it has begun. */
async function begin(port: number, ms: number): Promise<RawClient> {
  const client = await RawClient.open(port, atTheEnd);
  client.send(`GET /slow/${ms} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await client.until(/begun/);
  return client;
}

describe.concurrent("SIGTERM", () => {
  test("ends an idle process in order", async () => {
    const { process } = await start();
    process.signal("SIGTERM");
    expect((await process.exit).code).toBe(0);
    expect(process.messages).toContain("ended");
    expect(process.stderr).toBe("");
  });

  test.each([
    ["in the middle of it", "GET / HTTP/1.1\r\nHost: a\r\n", ""],
    ["on a connection that was kept", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ])("answers a request whose head was on its way, %s", async (_, half, before) => {
    const { process, port } = await start();
    const client = await RawClient.open(port, atTheEnd);
    client.send(before);
    if (before) await client.until(/here$/);
    client.received = "";
    client.send(half);
    await sleep(300);
    process.signal("SIGTERM");
    await eventually(() => refuses(port));
    client.send("\r\n");
    await client.until(/here$/);
    expect((await process.exit).code).toBe(0);
  });

  test.skipIf(!isRoot)("ends process 1 of a container at once while it starts (needs root)", async () => {
    const env = {
      PORT: "0",
      METRICS_PORT: "",
      VOLUME_DIR: tmpdir(),
      START_MS: "60000",
      PATH: process.env["PATH"] ?? "",
    };
    const container = new Process(env, ["unshare", "--pid", "--fork", "--kill-child"]);
    await eventually(() => container.messages.includes("starting"));
    await container.signalInside("SIGTERM");
    expect((await container.exit).code).toBe(143);
  });

  test("has the process not ready, but serving, during the delay", async () => {
    const { process, port, management } = await start({ SHUTDOWN_DELAY_MS: "1000" });
    expect(await get(management, "/readyz")).toMatchObject({ status: 200 });
    process.signal("SIGTERM");
    await eventually(async () => (await get(management, "/readyz")).status === 503);
    expect(await get(port, "/readyz")).toMatchObject({ status: 503, connection: "close" });
    expect(await get(port, "/livez")).toMatchObject({ status: 200 });
    expect(await get(port, "/")).toMatchObject({ status: 200, body: "here", connection: "close" });
    const { code, afterMs } = await process.exit;
    expect(code).toBe(0);
    expect(afterMs).toBeGreaterThanOrEqual(950);
  });

  test("lets a request be finished within the grace, takes no new connection, and ends at once then", async () => {
    const { process, port, management } = await start({ SHUTDOWN_GRACE_MS: "15000" });
    const client = await begin(port, 1_500);
    process.signal("SIGTERM");
    await eventually(() => refuses(port));
    expect(client.received).not.toContain("ended");
    expect(await get(management, "/livez")).toMatchObject({ status: 200 });
    expect(await get(management, "/metrics")).toMatchObject({ status: 200 });
    await client.until(/begunended$/);
    const { code, afterMs } = await process.exit;
    expect(code).toBe(0);
    // The client keeps its connection open; it must not hold up the end.
    expect(afterMs).toBeLessThan(8_000);
    expect(process.messages).not.toContain("requests were still running at the end of the grace");
  });

  test("answers who asks again on a connection that was to be kept", async () => {
    const { process, port } = await start({ SHUTDOWN_GRACE_MS: "15000" });
    const client = await begin(port, 1_500);
    process.signal("SIGTERM");
    await eventually(() => refuses(port));
    await client.until(/begunended$/);
    await sleep(50);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await client.until(/here$/)).toMatch(/connection: close/i);
    expect(await client.untilEnded()).toBe("end");
    expect((await process.exit).code).toBe(0);
  });

  test("stays until a slow reader has all of what was answered", async () => {
    const { process, port } = await start({ SHUTDOWN_GRACE_MS: "15000" });
    const client = await RawClient.open(port, atTheEnd);
    client.send("GET /big/8000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until(/\.\.\./);
    client.socket.pause();
    process.signal("SIGTERM");
    await sleep(1_500);
    client.socket.resume();
    const isWhole = (): boolean =>
      client.received.length >= client.received.indexOf("\r\n\r\n") + 4 + 8_000_000;
    await eventually(() => isWhole() || client.ending !== undefined);
    client.socket.destroy();
    expect(isWhole()).toBe(true);
    const { code, afterMs } = await process.exit;
    expect(code).toBe(0);
    expect(afterMs).toBeGreaterThan(1_450);
  });

  test("does not end the connection of a client that has yet to read what has come", async () => {
    const { process, port } = await start({ SHUTDOWN_GRACE_MS: "15000" });
    const response = await fetch(`http://127.0.0.1:${port}/big/8000000`);
    process.signal("SIGTERM");
    let bytes = 0;
    for await (const part of response.body ?? []) {
      bytes += part.length;
      await sleep(10);
    }
    expect(bytes).toBe(8_000_000);
    expect((await process.exit).code).toBe(0);
  });

  test("cuts off what still runs at the end of the grace", async () => {
    const { process, port } = await start({ SHUTDOWN_GRACE_MS: "500" });
    const client = await begin(port, 60_000);
    process.signal("SIGTERM");
    const { code, afterMs } = await process.exit;
    expect(code).toBe(0);
    expect(afterMs).toBeGreaterThanOrEqual(450);
    expect(client.received).not.toContain("ended");
    expect(process.messages).toContain("requests were still running at the end of the grace");
  });

  test("does not let the application take for ever to let go", async () => {
    const { process } = await start({ SHUTDOWN_GRACE_MS: "200", CLOSE_MS: "60000" });
    process.signal("SIGTERM");
    expect((await process.exit).code).toBe(1);
  });
});

describe.concurrent("SIGINT", () => {
  test("ends the process within a second, also while a transfer runs", async () => {
    const { process, port } = await start({ SHUTDOWN_DELAY_MS: "10000" });
    await begin(port, 60_000);
    process.signal("SIGINT");
    const { code, afterMs } = await process.exit;
    expect(code).toBe(0);
    expect(afterMs).toBeLessThan(5_000);
  });

  test("ends a process that waits out the delay or the grace of a SIGTERM", async () => {
    const [inDelay, inGrace] = await Promise.all([start({ SHUTDOWN_DELAY_MS: "60000" }), start()]);
    await begin(inGrace.port, 60_000);
    for (const { process, management } of [inDelay, inGrace]) {
      process.signal("SIGTERM");
      await eventually(async () => (await get(management, "/readyz")).status === 503);
      process.signal("SIGINT");
      const { code, afterMs } = await process.exit;
      expect(code).toBe(0);
      expect(afterMs).toBeLessThan(8_000);
    }
  });

  test("a second time changes nothing", async () => {
    const { process, port } = await start();
    await begin(port, 60_000);
    process.signal("SIGINT");
    process.signal("SIGINT");
    expect((await process.exit).code).toBe(0);
  });
});

async function refuses(port: number): Promise<boolean> {
  const client = await RawClient.open(port, atTheEnd).catch(() => undefined);
  client?.socket.destroy();
  return client === undefined;
}

describe.concurrent("a process that cannot start exits with a message", () => {
  test("that names every wrong variable", async () => {
    const process = new Process({ PORT: "http", MIN_FREE_BYTES: "lots", AUTH: "ldap", TRUST_PROXY: "*" });
    expect((await process.exit).code).toBe(1);
    expect(process.stderr).toMatch(/^fixture: The configuration is wrong:\n/);
    for (const name of ["PORT", "MIN_FREE_BYTES", "AUTH", "TRUST_PROXY"]) {
      expect(process.stderr).toMatch(new RegExp(`^ {2}- ${name} must be`, "m"));
    }
    expect(process.stderr).not.toMatch(/^\s+at /m);
  });

  test.each(["PORT", "METRICS_PORT"])("when %s is in use", async (name) => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    atTheEnd(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const env = { PORT: "0", METRICS_PORT: "0", VOLUME_DIR: tmpdir(), [name]: String(port) };
    const process = new Process(env);
    expect((await process.exit).code).toBe(1);
    expect(process.stderr).toBe(
      `fixture: port ${port} of 127.0.0.1 is in use; set PORT (or METRICS_PORT) to another.\n`,
    );
  });

  test("when HOST is not this machine's", async () => {
    const env = { PORT: "0", METRICS_PORT: "", VOLUME_DIR: tmpdir(), HOST: "192.0.2.1", AUTH: "none" };
    const process = new Process(env);
    expect((await process.exit).code).toBe(1);
    expect(process.stderr).toBe(
      "fixture: 192.0.2.1 is not an address of this machine; set HOST to one that is.\n",
    );
  });

  test("when VOLUME_DIR is missing with its parent", async () => {
    const process = new Process({ PORT: "0", METRICS_PORT: "", VOLUME_DIR: "/nonexistent/a/b" });
    expect((await process.exit).code).toBe(1);
    expect(process.stderr).toBe(
      "fixture: cannot use /nonexistent/a/b (ENOENT); " +
        "set VOLUME_DIR to a directory that exists, or whose parent does.\n",
    );
  });
});

test.concurrent("no management port is opened when METRICS_PORT is empty", async () => {
  const process = new Process({ PORT: "0", METRICS_PORT: "", VOLUME_DIR: tmpdir() });
  await process.port(/^fixture listens on http:/);
  expect(process.messages.filter((message) => message.includes("listens"))).toHaveLength(1);
});
