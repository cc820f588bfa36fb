import { readFile } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a connection stays after an answer: its client may be sending the next request already. */
const FOLLOW_UP_MS = 250;
/** What every client has read as soon as it has come. */
const SMALL_BYTES = 64 << 10;
/** After a larger answer: undici takes an end for a failure while it has not read all that has come. */
const READING_MS = 10_000;
/** How often the kernel is asked what is still on its way. */
const POLL_MS = 20;
/** States of a connection that this side has ended: what is unacknowledged may be the end itself (tcp_states.h). */
const ENDED = new Set(["04", "09", "0B"]);

/**
 * Has a server that closes let go of connections in order. Node's own `closeIdleConnections` takes a response that was
 * ended for one that was sent, and cuts off what a slow reader has not taken yet; and a connection that was answered just
 * now is one on which a client may be asking again (RFC 9112 §9.5; nginx has `keepalive_min_timeout` for it).
 */
export function closeGently(server: Server): void {
  const connections = new Map<Socket, { running: number; read: number; stays: number }>();
  let isClosing = false;

  const closeIdle = (socket: Socket): void => {
    const connection = connections.get(socket);
    // What has come since the last answer is a request that is about to be one.
    if (!connection || connection.running > 0 || socket.bytesRead > connection.read) return;
    const leftMs = connection.stays - performance.now();
    if (leftMs <= 0) socket.destroySoon();
    else setTimeout(closeIdle, leftMs, socket);
  };
  const answer = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    const connection = connections.get(socket);
    if (!connection) return;
    const before = socket.bytesWritten;
    connection.running += 1;
    response.once("close", () => {
      const isSmall = socket.bytesWritten - before <= SMALL_BYTES;
      connection.running -= 1;
      connection.read = socket.bytesRead;
      connection.stays = performance.now() + (isSmall ? FOLLOW_UP_MS : READING_MS);
      if (isClosing) closeIdle(socket);
    });
  };

  server.on("connection", (socket: Socket) => {
    connections.set(socket, { running: 0, read: 0, stays: performance.now() + FOLLOW_UP_MS });
    socket.once("close", () => connections.delete(socket));
  });
  for (const event of ["request", "checkContinue", "checkExpectation"]) server.on(event, answer);
  server.closeIdleConnections = () => {
    isClosing = true;
    connections.forEach((_, socket) => closeIdle(socket));
  };
}

/**
 * Waits until those who were connected to a port have acknowledged all that this process sent before it let go of them. The
 * kernel sends on after a process has ended, but not after its container's network has gone. Where it cannot be asked,
 * nothing is waited for.
 */
export async function untilDelivered(port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && (await isSending(port))) await sleep(POLL_MS);
}

/** By the kernel's table, whose fields proc_net_tcp.txt names. */
async function isSending(port: number): Promise<boolean> {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((file) => readFile(file, "latin1").catch(() => ""));
  const lines = (await Promise.all(tables)).flatMap((table) => table.split("\n").slice(1));
  return lines.some((line) => {
    const [, local, , state = "", queues, , , , , inode] = line.trim().split(/\s+/);
    // With a file behind it, it is another process's, which still has it open.
    if (inode !== "0" || parseInt(local?.split(":")[1] ?? "", 16) !== port) return false;
    return parseInt(queues ?? "", 16) > (ENDED.has(state) ? 1 : 0);
  });
}
