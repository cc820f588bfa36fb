import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

import { onTestFinished } from "vitest";

/** What a server ends every answer with when no transaction is open. */
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** Stands between a client and its Postgres. */
export interface Relay {
  /** The server's URL, as it is reached through here. */
  readonly url: string;
  /** Has the next answer lost, and its connection with it, once `meanwhile` is done; the server has done what it was told. */
  loseNextAnswer(meanwhile?: () => Promise<unknown>): void;
}

/** Starts a relay to the server of `url`, for as long as the test runs. */
export async function startRelay(url: string): Promise<Relay> {
  const target = new URL(url);
  const { port, hostname } = target;
  const sockets = new Set<Socket>();
  let lose: (() => Promise<unknown>) | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}); // "close" follows
    }
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => {
      if (!lose) {
        client.write(chunk);
      } else if (chunk.subarray(-READY_FOR_QUERY.length).equals(READY_FOR_QUERY)) {
        void lose().finally(() => client.destroy());
        lose = undefined;
      }
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  target.port = String((server.address() as AddressInfo).port);
  return { url: target.href, loseNextAnswer: (meanwhile = async () => {}) => void (lose = meanwhile) };
}
