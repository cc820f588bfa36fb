import { spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";

import type { Plan } from "./enclosed.ts";
import type { MisbehavingOrigin } from "./misbehaving.ts";
import { NameServer } from "./name-server.ts";
import { makeNamespaces, UNSHARED, type Namespaces } from "./namespaces.ts";
import { findProgram, type Need } from "./needs.ts";

const START_LIMIT_MS = 30_000;

/** An enclosure: a downloader in a network that has nothing but what a test gives it. */
export interface Enclosure {
  /** The downloader's. */
  readonly url: string;
  readonly names: NameServer;
  /** The forbidden addresses that were connected to, in order. */
  readonly trespasses: string[];
  close(): Promise<void>;
}

export interface EnclosureOptions {
  /** An empty folder. */
  readonly folder: string;
  /** Serves what is connected to a public address. */
  readonly origin: MisbehavingOrigin;
  readonly publicAddresses: readonly string[];
  readonly forbiddenAddresses: readonly string[];
  /** Public addresses where nobody listens. */
  readonly silentAddresses: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** @returns undefined when this process may make a network and a file tree of its own */
export function enclosing(): Need {
  const unshare = findProgram("unshare");
  if (unshare === undefined) return "needs unshare, which is not installed";
  if (findProgram("ip") === undefined) return "needs ip, which is not installed";
  const script =
    "ip link set lo up && ip -6 address add 2001:4860::1/128 dev lo && mount --bind /etc/hosts /etc/resolv.conf";
  const { status } = spawnSync(unshare, [...UNSHARED, "sh", "-c", script], { stdio: "ignore" });
  return status === 0 ? undefined : "needs namespaces of its own, with IPv6";
}

/** Makes an enclosure, and starts a downloader in it. */
export async function enclose(options: EnclosureOptions): Promise<Enclosure> {
  const { folder, origin, publicAddresses, forbiddenAddresses } = options;
  const inFolder = (name: string): string => join(folder, name);
  const names = new NameServer();
  const trespasses: string[] = [];
  const servers: Server[] = [];
  const serve = async (path: string, server: Server): Promise<string> => {
    await new Promise<void>((done) => void server.listen(path, done));
    servers.push(server);
    return path;
  };

  await origin.listen({ where: { path: inFolder("public") } });
  const nameServer = await serve(
    inFolder("names"),
    createServer((socket) => socket.on("data", (query: Buffer) => socket.end(names.answer(query)))),
  );
  const traps = forbiddenAddresses.map(async (address, n) => {
    const trap = createServer((socket) => {
      trespasses.push(address);
      socket.on("error", () => undefined).destroy();
    });
    return { address, socket: await serve(inFolder(`trap-${n}`), trap) };
  });
  await writeFile(inFolder("resolv.conf"), "nameserver 127.0.0.1\nsearch .\n");
  await writeFile(inFolder("nsswitch.conf"), "hosts: files dns\n");
  const files = {
    "/etc/resolv.conf": inFolder("resolv.conf"),
    "/etc/nsswitch.conf": inFolder("nsswitch.conf"),
  };
  const namespaces = await makeNamespaces(files, options.environment);
  const child = await startInside(namespaces, {
    doors: [
      ...publicAddresses.map((address) => ({ address, socket: inFolder("public") })),
      ...(await Promise.all(traps)),
    ],
    silent: options.silentAddresses,
    nameServer,
    api: inFolder("api"),
    files: namespaces.files,
    command: namespaces.command,
  });
  const missing = forbiddenAddresses.filter((address) => !trespasses.includes(address));
  if (missing.length > 0) throw new Error(`the traps at ${missing.join(", ")} do not work`);
  trespasses.length = 0;

  const api = createServer((socket) => {
    const inside = connect({ path: inFolder("api") });
    socket.pipe(inside).pipe(socket);
    socket.on("error", () => inside.destroy()).once("close", () => inside.destroy());
    inside.on("error", () => socket.destroy()).once("close", () => socket.destroy());
  });
  await new Promise<void>((done) => void api.listen(0, "127.0.0.1", done));
  servers.push(api);
  return {
    url: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
    names,
    trespasses,
    close: async () => {
      await child.end();
      namespaces.close();
      for (const server of servers) server.close();
    },
  };
}

async function startInside({ enter }: Namespaces, plan: Plan): Promise<{ end: () => Promise<void> }> {
  const [file, ...args] = enter;
  const program = [process.execPath, join(import.meta.dirname, "enclosed.ts"), JSON.stringify(plan)];
  const child = spawn(file, [...args, ...program], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<void>((done) => void child.once("close", () => done()));
  await new Promise<void>((ready, failed) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      failed(new Error(`the enclosure was not ready in time: ${errors}`));
    }, START_LIMIT_MS);
    child.stdout.on("data", (chunk: Buffer) => {
      if (!chunk.toString().includes("ready")) return;
      clearTimeout(timer);
      ready();
    });
    void ended.then(() => failed(new Error(`the enclosure ended: ${errors}`)));
    void ended.then(() => clearTimeout(timer));
  });
  return {
    end: async () => {
      const hasEnded = child.exitCode !== null || child.signalCode !== null;
      child.stdin.end();
      await ended;
      const how = String(child.signalCode ?? child.exitCode);
      if (hasEnded) throw new Error(`the enclosure ended by itself with ${how}: ${errors}`);
    },
  };
}
