import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { runProgram } from "./program.ts";
import { freePort, startServer, type Server } from "./server.ts";

const REPOSITORY = resolve(import.meta.dirname, "../..");

export type Durability = "full" | "relaxed";
type Variables = Readonly<Record<string, string>>;

/** Of how images start Node, what matters to speed and memory: see ENTRYPOINT and ENV in `Dockerfile.downloader`. */
const AS_IN_IMAGES = {
  options: ["--enable-source-maps", "--max-semi-space-size=4"],
  variables: { MALLOC_ARENA_MAX: "1" },
} as const;

const ALLOW_LOOPBACK: Variables = { ALLOW_NETWORKS: "127.0.0.0/8", ALLOW_PORTS: "*" };

/** Starts the fileserver from source, quiet, on a directory. */
export function startFileserver(directory: string, durability: Durability): Promise<Server> {
  return startService("fileserver", { VOLUME_DIR: directory, DURABILITY: durability });
}

/**
 * Builds the downloader and starts it as images do, quiet, on a directory; it may fetch from loopback. From source there
 * is also what strips types, which has 40 MB of its own.
 */
export async function startDownloader(directory: string, variables: Variables = {}): Promise<Server> {
  await runProgram(join(REPOSITORY, "node_modules/.bin/tsc"), ["-b", join(REPOSITORY, "apps/downloader")]);
  const settings = { VOLUME_DIR: directory, ...AS_IN_IMAGES.variables, ...ALLOW_LOOPBACK, ...variables };
  return startService("downloader", settings, AS_IN_IMAGES.options, "dist/main.js");
}

async function startService(
  name: string,
  variables: Variables,
  options: readonly string[] = ["--conditions=source"],
  entry = "src/main.ts",
): Promise<Server> {
  const port = await freePort();
  const main = join(REPOSITORY, "apps", name, entry);
  return startServer(process.execPath, [...options, main], port, {
    PORT: String(port),
    METRICS_PORT: "",
    LOG_LEVEL: "warn",
    ...variables,
  });
}

/** How nginx reads files: as it is usually set up, and the fastest we found on loopback. */
export const NGINX_READING = {
  sendfile: "sendfile on; tcp_nopush on;",
  buffers: "sendfile off; output_buffers 2 512k;",
} as const;

export interface NginxOptions {
  readonly reading?: keyof typeof NGINX_READING;
  /** Throttles each connection, in nginx's notation of bytes a second (`20m`). */
  readonly rate?: string;
}

/** Two addresses of loopback, which a downloader takes for two hosts. */
export const HOSTS = ["127.0.0.1", "127.0.0.2"] as const;

/** Starts nginx with one worker on the same URLs, on both {@link HOSTS}; DAV for writing, no log of requests. */
export async function startNginx(directory: string, options: NginxOptions = {}): Promise<Server> {
  const port = await freePort();
  const state = join(directory, ".nginx");
  await mkdir(state, { recursive: true });
  const config = join(state, `${port}.conf`);
  await writeFile(config, nginxConfig(directory, state, port, options));
  return startServer("nginx", ["-c", config, "-p", state, "-e", join(state, "error.log")], port);
}

function nginxConfig(root: string, state: string, port: number, options: NginxOptions): string {
  const { reading = "sendfile", rate } = options;
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off; worker_processes 1; pid ${state}/${port}.pid; ${user}
events { worker_connections 2048; }
http {
  access_log off; ${NGINX_READING[reading]} keepalive_requests 1000000;
  ${rate === undefined ? "" : `limit_rate ${rate};`}
  ${temporary.map((name) => `${name}_temp_path ${state}/${name};`).join(" ")}
  server {
    ${HOSTS.map((host) => `listen ${host}:${port};`).join(" ")} client_max_body_size 0;
    location /files/ { alias ${root}/; dav_methods PUT DELETE; create_full_put_path on; }
  }
}
`;
}
