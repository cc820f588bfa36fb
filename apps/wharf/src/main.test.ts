import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { afterEach, describe, expect, it } from "vitest";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

/** A service that answers every request alike; resolves to its URL. */
async function serve(status: number, body: object): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(body)));
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function wharf(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const main = new URL("main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--conditions=source", main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code: code as number, out, err };
}

describe("wharf status", () => {
  it("prints where both services are and what to try when they are ready", async () => {
    const url = await serve(200, { status: "ok" });
    const { code, out } = await wharf("status", "--fileserver", url, "--downloader", url);
    expect(code).toBe(0);
    expect(out).toContain(`fileserver  ${url}/files/  ready`);
    expect(out).toContain(`curl -T README.md ${url}/files/`);
    expect(out).toContain(`${url}/downloads`);
  });

  it("says what keeps a service from its work", async () => {
    const ready = await serve(200, { status: "ok" });
    const full = await serve(503, { detail: "There is not enough free space on the volume." });
    const { code, out } = await wharf("status", "--fileserver", full, "--downloader", ready);
    expect(code).toBe(1);
    expect(out).toContain("not ready: There is not enough free space on the volume.");
    expect(out).not.toContain("curl");
  });

  it("says when a service does not answer", async () => {
    const url = await serve(200, {});
    const { code, out } = await wharf("status", "--fileserver", url, "--downloader", "http://127.0.0.1:1");
    expect(code).toBe(1);
    expect(out).toContain("downloader  http://127.0.0.1:1/docs  does not answer");
  });
});

describe("wrong use", () => {
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
