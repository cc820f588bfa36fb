import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { Facts } from "./facts.ts";

const run = promisify(execFile);

async function ask(script: string, environment: Record<string, string> = {}): Promise<Facts> {
  const file = new URL(script, import.meta.url).pathname;
  const { stdout } = await run("sh", [file], { env: { ...process.env, ...environment } });
  return new Facts(stdout);
}

async function temporary(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "wharf-doctor-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** A server that refuses HEAD as some registries do. */
async function listening(): Promise<{ port: number } & AsyncDisposable> {
  const server = createServer(({ method, url }, response) => {
    response.writeHead(method === "HEAD" && url === "/v2/" ? 405 : 204).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

test.runIf(process.platform === "linux")("a machine tells what it is", async () => {
  const facts = await ask("machine.sh");
  expect(Number(facts.one("cores"))).toBeGreaterThan(0);
  expect(Number(facts.one("memory"))).toBeGreaterThan(100_000);
  expect(facts.one("kernel")).toMatch(/^\d+\.\d+/);
  expect(facts.all("module").map(([name]) => name)).toEqual(["overlay", "br_netfilter", "vxlan"]);
  expect(facts.all("disk")).toHaveLength(4);
});

test.runIf(process.platform === "linux").each([
  ["ENABLED=yes", [["ufw"]]],
  ["ENABLED=no", []],
])("ufw with %s is %j", async (setting, expected) => {
  await using folder = await temporary();
  await writeFile(join(folder.path, "ufw.conf"), `# /etc/ufw/ufw.conf\n${setting}\nLOGLEVEL=low\n`);
  const script = await readFile(new URL("taken.sh", import.meta.url), "utf8");
  await writeFile(join(folder.path, "taken.sh"), script.replaceAll("/etc/ufw", folder.path));
  const { stdout } = await run("sh", [join(folder.path, "taken.sh")]);
  const units = new Facts(stdout).all("unit");
  expect(units.filter(([unit]) => unit === "ufw")).toEqual(expected);
});

test.runIf(process.platform === "linux")("a machine tells who listens", async () => {
  await using server = await listening();
  const facts = await ask("taken.sh");
  if (facts.all("no-program").length > 0) return;
  expect(facts.all("port")).toContainEqual(["tcp", String(server.port), expect.stringMatching(/./)]);
});

test.runIf(process.platform === "linux")(
  "what answers, what refuses and what is not there are told apart",
  async () => {
    await using server = await listening();
    const gone = await listening();
    await gone[Symbol.asyncDispose]();
    const facts = await ask("reach.sh", {
      URLS: `http://127.0.0.1:${server.port}/ http://127.0.0.1:${server.port}/v2/ http://127.0.0.1:${gone.port}/`,
      PEERS: `a,127.0.0.1,tcp,${server.port} b,127.0.0.1,tcp,${gone.port} c,127.0.0.1,udp,${gone.port}`,
    });
    const answers = facts.all("peer").map(([name, , , answer]) => `${name} ${answer}`);
    expect(new Set(answers)).toEqual(new Set(["a open", "b refused", "c refused"]));
    const statuses = facts.all("url").map(([, status]) => status);
    expect(new Set(statuses)).toEqual(new Set(["000", "204"]));
  },
);

test.runIf(process.platform === "linux")("only one's own sources are told who asks", async () => {
  const told = new Map<string, string | undefined>();
  const server = createServer(({ url = "", headers }, response) => {
    told.set(url, headers.authorization);
    response.writeHead(204).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await ask("reach.sh", {
    URLS: `${origin}/own ${origin}/other`,
    OWN_URLS: `${origin}/own`,
    CURL_CONFIG: 'user = "me:secret"',
    PEERS: "",
  });
  server.close();
  expect(told.get("/own")).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
  expect([...told.keys()]).toContain("/other");
  expect(told.get("/other")).toBeUndefined();
});

test.runIf(process.platform === "linux")("a script that is ended leaves no folder", async () => {
  const folder = await mkdtemp(join(tmpdir(), "wharf-reach-"));
  const file = new URL("reach.sh", import.meta.url).pathname;
  const silent = createSocketServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const child = spawn("sh", [file], {
    env: { ...process.env, TMPDIR: folder, URLS: `http://127.0.0.1:${port}/`, PEERS: "" },
  });
  const [socket] = (await once(silent, "connection")) as [Socket];
  expect(await readdir(folder)).toHaveLength(1);
  child.kill("SIGTERM");
  await once(child, "exit");
  expect(await readdir(folder)).toEqual([]);
  socket.destroy();
  silent.close();
});
