import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { NodeCommandError } from "../errors.ts";
import type { Node } from "../node/node.ts";
import { root } from "./build.ts";
import { type Addresses, reachFrom, smoke } from "./smoke.ts";

const signal = new AbortController().signal;
const running: ChildProcess[] = [];
let volume = "";
let addresses: Addresses = { fileserver: "", downloader: "" };

/** This machine in a node's place. */
const here: Pick<Node, "name" | "run"> = {
  name: "here",
  run: async (script, { variables } = {}) => {
    const env = { ...process.env, ...variables };
    return await promisify(execFile)("sh", ["-c", script], { env }).catch(
      (error: { code: number; stdout: string; stderr: string }) => {
        throw new NodeCommandError({
          node: "here",
          step: "smoke.sh",
          command: "",
          status: error.code,
          stdout: error.stdout,
          stderr: error.stderr,
        });
      },
    );
  },
};
const node = here as Node;

/** Starts a service from its source on a free port and resolves to its URL. */
async function start(app: string): Promise<string> {
  const environment = {
    PORT: "0",
    METRICS_PORT: "",
    VOLUME_DIR: volume,
    ALLOW_NETWORKS: "127.0.0.1",
    ALLOW_PORTS: "*",
    LOG_FORMAT: "json",
  };
  const child = spawn(process.execPath, ["--conditions=source", join(root, `apps/${app}/src/main.ts`)], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  for await (const line of createInterface(child.stdout)) {
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
    if (url !== undefined) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error(`${app} does not listen`);
}

beforeAll(async () => {
  volume = await mkdtemp(join(tmpdir(), "wharf-smoke-"));
  addresses = { fileserver: await start("fileserver"), downloader: await start("downloader") };
}, 60_000);

afterAll(async () => {
  await Promise.all(running.map(async (child) => [child.kill(), await once(child, "exit")]));
  await rm(volume, { recursive: true });
});

test("both services pass, and nothing stays behind", async () => {
  await reachFrom(node, addresses, signal);
  const lines = await smoke(node, addresses, `${addresses.fileserver}/openapi.json`, signal);
  expect(lines).toEqual([
    "8 MiB stored and read back: the same bytes",
    "the metadata address is refused",
    expect.stringMatching(/openapi\.json fetched and served: \d{3,} bytes, sha256 [0-9a-f]{64}$/),
  ]);
  expect((await readdir(volume)).filter((name) => name !== ".wharf")).toEqual([]);
});

test("an interruption leaves nothing behind either", async () => {
  const server = createServer(
    (_, response) => void response.writeHead(200, { "content-length": 9 }).write("1"),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const SOURCE = `http://127.0.0.1:${(server.address() as AddressInfo).port}/slow`;
  const { fileserver: FILESERVER, downloader: DOWNLOADER } = addresses;
  const env = { ...process.env, FILESERVER, DOWNLOADER, SOURCE, PLACE: "interrupted" };
  const script = await readFile(new URL("smoke.sh", import.meta.url), "utf8");
  const child = spawn("sh", ["-c", script], { env, stdio: "ignore", detached: true });
  await once(server, "request");
  // As guard.sh does it, to all that was started.
  process.kill(-(child.pid ?? 0), "SIGTERM");
  expect(await once(child, "exit")).toEqual([143, null]);
  server.closeAllConnections();
  server.close();
  expect((await readdir(volume)).filter((name) => name !== ".wharf")).toEqual([]);
});

test("without a source nothing is fetched", async () => {
  expect(await smoke(node, addresses, undefined, signal)).toHaveLength(2);
});

test("a source that the guard refuses is told from services that do not work", async () => {
  await expect(smoke(node, addresses, "http://10.1.2.3/file", signal)).rejects.toMatchObject({
    code: "FETCH_FAILED",
    hint: expect.stringContaining("deploy.allowNetworks"),
  });
});

test("a port that does not answer fails", async () => {
  const gone = { ...addresses, downloader: "http://127.0.0.1:1" };
  await expect(reachFrom(node, gone, signal)).rejects.toMatchObject({
    stderr: expect.stringContaining("http://127.0.0.1:1/downloads does not answer"),
  });
  await expect(smoke(node, gone, undefined, signal)).rejects.toMatchObject({ code: "NODE_COMMAND_FAILED" });
});
