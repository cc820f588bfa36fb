import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";

const MAIN = join(import.meta.dirname, "main.ts");
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A service that says it is `name`, and answers every other request alike; resolves to its URL. */
async function serve(name: string, status: number, body: object): Promise<string> {
  const server = createServer(({ url }, response) => {
    if (url === "/openapi.json") response.end(JSON.stringify({ info: { title: `Wharf ${name}` } }));
    else response.writeHead(status).end(JSON.stringify(body));
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function wharf(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const main = new URL("main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--conditions=source", main, ...args], {
    env: process.env, // as a test may have changed it
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: code as number, out, err };
}

const READY = { status: "ok" };

describe("wharf status", () => {
  it("prints where both services are and what to try when they are ready", async () => {
    const fileserver = await serve("fileserver", 200, READY);
    const downloader = await serve("downloader", 200, READY);
    const { code, out } = await wharf("status", "--fileserver", fileserver, "--downloader", downloader);
    expect(code).toBe(0);
    expect(out).toContain(`fileserver  ${fileserver}/files/  ready`);
    expect(out).toContain(`curl -T README.md ${fileserver}/files/`);
    expect(out).toContain(`${downloader}/downloads`);
  });

  it("says what keeps a service from its work", async () => {
    const detail = "There is not enough free space on the volume.";
    const full = await serve("fileserver", 503, { detail });
    const ready = await serve("downloader", 200, READY);
    const { code, out } = await wharf("status", "--fileserver", full, "--downloader", ready);
    expect(code).toBe(1);
    expect(out).toContain(`not ready: ${detail}`);
    expect(out).not.toContain("curl");
  });

  it("says when a service does not answer, or another one does", async () => {
    const url = await serve("downloader", 200, READY);
    const { code, out } = await wharf("status", "--fileserver", url, "--downloader", "http://127.0.0.1:1");
    expect(code).toBe(1);
    expect(out).toContain(`fileserver  ${url}/files/  another service answers there`);
    expect(out).toContain("downloader  http://127.0.0.1:1/docs  does not answer");
  });
});

// An address of our own, since the ports are the usual ones; macOS has only 127.0.0.1.
describe.skipIf(process.platform !== "linux")("wharf start", () => {
  const host = `127.77.${process.pid % 200}.${(process.ppid % 250) + 1}`;

  function start(): { child: ChildProcess; output: () => string; ended: Promise<number | null> } {
    const directory = mkdtempSync(join(tmpdir(), "wharf-start-"));
    const env = { ...process.env, HOST: host, METRICS_PORT: "", VOLUME_DIR: directory, LOG_FORMAT: "json" };
    const child = spawn(process.execPath, ["--conditions=source", MAIN, "start"], { env });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => (output += String(chunk)));
    onTestFinished(() => {
      child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    });
    return {
      child,
      output: () => output,
      ended: once(child, "exit").then(([code]) => code as number | null),
    };
  }

  const isListening = (port: number): Promise<boolean> =>
    fetch(`http://${host}:${port}/livez`).then(
      () => true,
      () => false,
    );

  it.each(["SIGTERM", "SIGINT"] as const)("runs both, and passes %s on to both", async (signal) => {
    const { child, ended } = start();
    await expect.poll(() => isListening(8080), { timeout: 15_000 }).toBe(true);
    await expect.poll(() => isListening(3000), { timeout: 15_000 }).toBe(true);
    child.kill(signal);
    expect(await ended).toBe(0);
    expect(await Promise.all([isListening(8080), isListening(3000)])).toEqual([false, false]);
  });

  it("ends both when one cannot start, and says why", async () => {
    const taken = createServer();
    servers.push(taken);
    await once(taken.listen(3000, host), "listening");
    const { output, ended } = start();
    expect(await ended).toBe(1);
    expect(output()).toContain(`downloader: port 3000 of ${host} is in use`);
    expect(await isListening(8080)).toBe(false);
  });
});

describe("wrong use", () => {
  it.each(["start", "status"])("%s refuses one port for both services", async (command) => {
    vi.stubEnv("PORT", "9000");
    const { code, err } = await wharf(command);
    vi.unstubAllEnvs();
    expect(code).toBe(2);
    expect(err).toContain("PORT would give both services the same port");
  });

  it.each([
    [[], "Which command?"],
    [["fly"], 'There is no command "fly".'],
    [["status", "now"], '"now" is not expected after status.'],
    [["status", "--fileserver", "nowhere"], '--fileserver must be a URL, not "nowhere".'],
    [["status", "--loud"], "Unknown option '--loud'"],
  ])("%j exits with 2 and says what is possible", async (args, message) => {
    const { code, err } = await wharf(...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(err).toContain("Usage: pnpm wharf <command>");
  });
});
