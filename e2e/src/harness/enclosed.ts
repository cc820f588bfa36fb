import { execFileSync, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { connect, createServer, isIPv6, type AddressInfo, type Socket } from "node:net";
import { createInterface } from "node:readline";

import type { Command } from "./command.ts";

/**
 * The inside of an enclosure: a program of its own, run in a network and a mount namespace of its own, where every
 * address may be had. It decides nothing. What comes to its addresses, and to its name server, is passed to Unix
 * sockets of those who started it, and from theirs to the downloader that it starts.
 *
 * `node enclosed.ts <plan as JSON>`; it prints `ready` when everything listens, and ends when its standard input does.
 */
export interface Plan {
  /** Addresses to have, and the Unix socket that gets whatever is connected to port 80 of it. */
  readonly doors: readonly { readonly address: string; readonly socket: string }[];
  /** Addresses where nobody listens. */
  readonly silent: readonly string[];
  /** Gets each query to the name server, on a connection of its own, and answers it there. */
  readonly nameServer: string;
  /** Whoever connects here is connected to the downloader. */
  readonly api: string;
  /** What is to stand in place of these files. */
  readonly files: Readonly<Record<string, string>>;
  /** Starts the downloader. */
  readonly command: Command;
}

/** How much of the downloader's log is told when it ends by itself. */
const LOG_LINES = 20;

const plan = JSON.parse(process.argv[2] ?? "") as Plan;
process.stdin.resume().once("end", () => process.exit());

configure();
await Promise.all(
  plan.doors.map(({ address, socket }) => relay({ host: address, port: 80 }, { path: socket })),
);
await serveNames();
// Each door shows that it works before it is to show that nobody comes.
await Promise.all(plan.doors.map(({ address }) => knock(address)));
const port = await startDownloader();
await relay({ path: plan.api }, { host: "127.0.0.1", port });
process.stdout.write("ready\n");

function configure(): void {
  execFileSync("ip", ["link", "set", "lo", "up"]);
  for (const address of [...plan.doors.map((door) => door.address), ...plan.silent]) {
    if (address === "127.0.0.1" || address === "::1") continue;
    const prefix = isIPv6(address)
      ? [`${address}/128`, "dev", "lo", "nodad"]
      : [`${address}/32`, "dev", "lo"];
    execFileSync("ip", ["address", "add", ...prefix]);
  }
  for (const [target, source] of Object.entries(plan.files))
    execFileSync("mount", ["--bind", source, target]);
}

type End = { readonly path: string } | { readonly host: string; readonly port: number };

/** Connects whoever comes to one end with the other. */
async function relay(from: End, to: End): Promise<AddressInfo | string | null> {
  const server = createServer({ allowHalfOpen: true }, (socket) =>
    join(socket, connect({ ...to, allowHalfOpen: true })),
  );
  await new Promise<void>((done, failed) => void server.once("error", failed).listen(from, done));
  return server.address();
}

function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  for (const [near, far] of [
    [one, other],
    [other, one],
  ] as const) {
    near.on("error", () => far.destroy()).once("close", () => far.destroy());
  }
}

async function serveNames(): Promise<void> {
  const server = createSocket("udp4");
  server.on("message", (query, { address, port: replyPort }) => {
    const socket = connect({ path: plan.nameServer });
    socket.on("error", () => undefined).on("data", (answer) => server.send(answer, replyPort, address));
    socket.write(query);
  });
  await new Promise<void>((done) => void server.bind(53, "127.0.0.1", done));
}

async function knock(address: string): Promise<void> {
  const socket = connect({ host: address, port: 80 });
  await new Promise<void>((done, failed) => void socket.once("error", failed).once("connect", done));
  await new Promise<void>(
    (done) =>
      void socket
        .once("close", () => done())
        .resume()
        .end(),
  );
}

async function startDownloader(): Promise<number> {
  const { file, args, cwd, env } = plan.command;
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "inherit"] });
  const log: string[] = [];
  child.once("close", (code, signal) => {
    process.stderr.write(`the downloader ended with ${code ?? signal}:\n${log.join("\n")}\n`, () =>
      process.exit(1),
    );
  });
  return new Promise((found) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      log.splice(0, Math.max(0, log.length - LOG_LINES + 1));
      log.push(line);
      const [, listening] = /downloader listens on http:\/\/127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (listening !== undefined) found(Number(listening));
    });
  });
}
