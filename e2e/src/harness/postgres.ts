import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chown } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { makeFolder, removeFolder } from "./folder.ts";
import { type Need } from "./needs.ts";
import { until } from "./pace.ts";
import { freePort } from "./port.ts";

/** Where Debian keeps the programs of each version, off the path. */
const VERSIONS = "/usr/lib/postgresql";

/** How a server ends: `fast` rolls back what is open, `immediate` is like a crash and recovers at the next start. */
export type Shutdown = "fast" | "immediate";
const SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

/** A Postgres that this run started, with nothing in it. */
export interface Postgres {
  /** A `postgres://` URL. */
  readonly url: string;
  /** Ends it and starts it again a while later, on the same port. */
  restart(how: Shutdown, downForMs: number): Promise<void>;
  close(): Promise<void>;
}

/** @returns undefined when a Postgres server can be started here */
export function postgres(): Need {
  if (programs() === undefined) return "needs postgresql, which is not installed";
  return process.getuid?.() === 0 && account() === undefined ? "needs a user postgres" : undefined;
}

/** Starts a server on a free port of loopback, that keeps what it promises (`fsync`). */
export async function startPostgres(): Promise<Postgres> {
  const folder = await makeFolder();
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? account() : undefined;
  if (user) await chown(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const port = await freePort();
  const launch = (program: string, args: readonly string[]): ChildProcess =>
    spawn(join(programs() ?? "", program), args, { ...user, cwd: folder, stdio: "ignore" });

  const [code] = await once(
    launch("initdb", ["-D", data, "-A", "trust", "-U", "wharf", "-E", "UTF8", "--locale=C.UTF-8"]),
    "exit",
  );
  if (code !== 0) throw new Error(`initdb ended with ${String(code)}`);

  const start = async (): Promise<ChildProcess> => {
    const settings = ["listen_addresses=127.0.0.1", `port=${port}`, `unix_socket_directories=${folder}`];
    const server = launch("postgres", ["-D", data, ...settings.flatMap((setting) => ["-c", setting])]);
    process.once("exit", () => server.kill("SIGQUIT"));
    await until("Postgres accepts connections", () => {
      if (server.exitCode !== null) throw new Error(`Postgres ended with ${server.exitCode}`);
      return accepts(port);
    });
    return server;
  };
  const end = async (how: Shutdown): Promise<void> => {
    const exited = once(server, "exit");
    server.kill(SIGNALS[how]);
    await exited;
  };
  let server = await start();
  return {
    url: `postgres://wharf@127.0.0.1:${port}/postgres`,
    restart: async (how, downForMs) => {
      await end(how);
      await sleep(downForMs);
      server = await start();
    },
    close: async () => {
      await end("immediate");
      await removeFolder(folder);
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

function account(): { uid: number; gid: number } | undefined {
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8")) ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** Whether the server lets a client in. */
async function accepts(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1").on("error", () => undefined); // it is not there yet
  // A start-up message of protocol 3.0, for the user and the database that initdb made.
  const text = Buffer.from("\0\x03\0\0user\0wharf\0database\0postgres\0\0", "latin1");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length + 4);
  socket.write(Buffer.concat([length, text]));
  try {
    const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(1_000) })) as [Buffer];
    return answer.toString("latin1", 0, 1) === "R"; // AuthenticationOk
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
