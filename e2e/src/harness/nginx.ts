import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { makeFolder, removeFolder } from "./folder.ts";
import { send } from "./http.ts";
import { findProgram } from "./needs.ts";
import { until } from "./pace.ts";
import { freePort } from "./port.ts";

/** A folder of this machine that is served at a URL's path, both with a slash at the end. */
export interface Location {
  readonly path: string;
  readonly folder: string;
  /** Bytes a second on each connection, as nginx writes them: `40m`. */
  readonly rate?: string;
}

/** An nginx that this run started. */
export interface Origin {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts nginx on a free port of loopback, with a configuration of its own. */
export async function startNginx(locations: readonly Location[]): Promise<Origin> {
  const program = findProgram("nginx");
  if (program === undefined) throw new Error("nginx is not installed");
  const folder = await makeFolder();
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  await writeFile(config, configOf(folder, port, locations));
  const child = spawn(program, ["-e", "stderr", "-p", folder, "-c", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<void>((done) => void child.once("close", () => done()));
  const url = `http://127.0.0.1:${port}`;
  await until("nginx listens", async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${errors}`);
    return send("GET", url).then(
      () => true,
      () => false,
    );
  });
  return {
    url,
    close: async () => {
      child.kill("SIGKILL");
      await ended;
      await removeFolder(folder);
    },
  };
}

/** One process, which belongs to whoever runs the tests and is ended by its id. */
function configOf(folder: string, port: number, locations: readonly Location[]): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return [
    "daemon off; master_process off; worker_processes 1;",
    `pid ${folder}/pid; error_log stderr crit;`,
    "events { worker_connections 512; }",
    "http {",
    "  access_log off; default_type application/octet-stream; sendfile on;",
    ...temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`),
    `  server { listen 127.0.0.1:${port};`,
    ...locations.map(
      ({ path, folder: root, rate }) =>
        `    location ${path} { alias "${root}"; ${rate === undefined ? "" : `limit_rate ${rate};`} }`,
    ),
    "  }",
    "}",
  ].join("\n");
}
