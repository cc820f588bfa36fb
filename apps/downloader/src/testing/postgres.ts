import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { chown, mkdtemp } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Client } from "pg";

/** Where Debian keeps the programs of each version, off the path. */
const VERSIONS = "/usr/lib/postgresql";
const START_TIMEOUT_MS = 30_000;

/** How a server ends: `fast` rolls back what is open, `immediate` is like a crash and recovers at the next start. */
export type Shutdown = "fast" | "immediate";
const SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

/** A Postgres of our own, with nothing in it, on a free port of loopback. */
export interface Postgres {
  /** The `postgres://` URL of the database it was made with. */
  readonly url: string;
  /** Makes another database, and resolves to its URL. */
  createDatabase(): Promise<string>;
  stop(how: Shutdown): Promise<void>;
  /** Starts it again, on the same port. */
  start(): Promise<void>;
  /** Ends it, and removes all it has written. */
  close(): Promise<void>;
}

/** Why no server can be started here; undefined when one can. */
export function lackOfPostgres(): string | undefined {
  if (programs() === undefined) return "postgresql is not installed";
  return process.getuid?.() === 0 && account() === undefined ? "there is no user postgres" : undefined;
}

/**
 * Makes a private cluster in a temporary folder, and starts it.
 *
 * @param isSynced false for a server that answers sooner, and is lost with a power cut
 */
export async function startPostgres({ isSynced = true } = {}): Promise<Postgres> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-postgres-"));
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? account() : undefined;
  if (user) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const port = await freePort();
  const launch = (program: string, ...args: string[]): ChildProcess =>
    spawn(join(programs() ?? "", program), args, { ...user, cwd: folder, stdio: "ignore", detached: true });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });

  const options = ["--no-sync", "--auth=trust", "--username=wharf", "--encoding=UTF8", "--locale=C.UTF-8"];
  const [code] = (await once(launch("initdb", "-D", data, ...options), "exit")) as [number | null];
  if (code !== 0) throw new Error(`initdb ended with ${code}`);

  const url = `postgres://wharf@127.0.0.1:${port}/postgres`;
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    const settings = ["listen_addresses=127.0.0.1", `port=${port}`, `unix_socket_directories=${folder}`];
    if (!isSynced) settings.push("fsync=off");
    server = launch("postgres", "-D", data, ...settings.flatMap((setting) => ["-c", setting]));
    await untilReady(url, server);
  };
  const stop = async (how: Shutdown): Promise<void> => {
    if (server.exitCode !== null) return;
    const exited = once(server, "exit");
    server.kill(SIGNALS[how]);
    await exited;
  };
  process.once("exit", () => {
    server.kill("SIGQUIT");
    remove();
  });
  await start();
  return {
    url,
    createDatabase: async () => {
      const name = `test_${randomUUID().replaceAll("-", "")}`;
      await run(url, `CREATE DATABASE ${name}`);
      return url.replace(/postgres$/, name);
    },
    stop,
    start,
    close: async () => {
      await stop("immediate");
      remove();
    },
  };
}

/** The newest version's folder of programs. */
function programs(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  return readdirSync(VERSIONS)
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(VERSIONS, version, "bin"))
    .find((folder) => existsSync(join(folder, "initdb")));
}

/** The user that Debian's package makes. */
function account(): { uid: number; gid: number } | undefined {
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8")) ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await run(url, "SELECT 1");
    } catch (error) {
      if (server.exitCode !== null)
        throw new Error(`Postgres ended with ${server.exitCode}`, { cause: error });
      if (performance.now() > deadline) throw error;
    }
    await sleep(50);
  }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {}); // the query says it, too
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end().catch(() => {});
  }
}
