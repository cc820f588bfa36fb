import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import { freePort, startServer, type Server } from "./server.ts";

const REPOSITORY = resolve(import.meta.dirname, "../..");

/** Starts the fileserver from source, quiet, on a directory. */
export async function startFileserver(directory: string, durability: "full" | "relaxed"): Promise<Server> {
  const port = await freePort();
  const main = join(REPOSITORY, "apps/fileserver/src/main.ts");
  return startServer(process.execPath, ["--conditions=source", main], port, {
    PORT: String(port),
    METRICS_PORT: "",
    LOG_LEVEL: "warn",
    VOLUME_DIR: directory,
    DURABILITY: durability,
  });
}

/** How nginx reads files: as it is usually set up, and the fastest we found on loopback. */
export const NGINX_READING = {
  sendfile: "sendfile on; tcp_nopush on;",
  buffers: "sendfile off; output_buffers 2 512k;",
} as const;

/** Starts nginx with one worker on the same URLs, DAV for writing, no log of requests. */
export async function startNginx(
  directory: string,
  reading: keyof typeof NGINX_READING = "sendfile",
): Promise<Server> {
  const port = await freePort();
  const state = join(directory, ".nginx");
  await mkdir(state, { recursive: true });
  const config = join(state, "nginx.conf");
  await writeFile(config, nginxConfig(directory, state, port, NGINX_READING[reading]));
  return startServer("nginx", ["-c", config, "-p", state, "-e", join(state, "error.log")], port);
}

function nginxConfig(root: string, state: string, port: number, reading: string): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off; worker_processes 1; pid ${state}/pid; ${user}
events { worker_connections 1024; }
http {
  access_log off; ${reading} keepalive_requests 1000000;
  ${temporary.map((name) => `${name}_temp_path ${state}/${name};`).join(" ")}
  server {
    listen 127.0.0.1:${port}; client_max_body_size 0;
    location /files/ { alias ${root}/; dav_methods PUT DELETE; create_full_put_path on; }
  }
}
`;
}
