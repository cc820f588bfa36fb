import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { seededRandom } from "./random.ts";
import { ResponseLengths } from "./response-lengths.ts";

const [port = 0, share = 0, seed = 0, bytesPerSecond = Infinity] = process.argv.slice(2).map(Number);
const random = seededRandom(seed);
const counts = { connections: 0, exchanges: 0, resets: 0, bytes: 0 };
let freeAt = 0;

/** Waits for these bytes' turn on the line that all connections share. */
async function turn(bytes: number): Promise<void> {
  const now = performance.now();
  freeAt = Math.max(freeAt, now) + (bytes / bytesPerSecond) * 1000;
  await sleep(freeAt - now);
}

const write = (socket: Socket, bytes: Buffer): Promise<void> =>
  new Promise((written) => void socket.write(bytes, () => written()));

/** Passes responses on, up to the byte at which one of them is to be cut off. */
async function relay(upstream: Socket, client: Socket): Promise<void> {
  const responses = new ResponseLengths();
  let untilReset = Infinity;
  for await (const chunk of upstream as AsyncIterable<Buffer>) {
    await turn(chunk.length);
    const length = responses.take(chunk);
    if (length !== undefined) {
      counts.exchanges++;
      untilReset = random() < share ? Math.floor(random() * length) : Infinity;
    }
    const passed = chunk.subarray(0, Math.min(chunk.length, untilReset));
    counts.bytes += passed.length;
    await write(client, passed);
    untilReset -= passed.length;
    if (untilReset > 0) continue;
    counts.resets++;
    client.resetAndDestroy();
    return;
  }
  client.end();
}

const server = createServer((client) => {
  counts.connections++;
  const upstream = connect(port, "127.0.0.1");
  for (const socket of [client, upstream]) socket.on("error", () => undefined); // the other side's end tells
  client.on("close", () => upstream.destroy());
  client.pipe(upstream);
  relay(upstream, client)
    .catch(() => client.destroy())
    .finally(() => upstream.destroy());
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("message", () => process.send?.(counts));
process.on("disconnect", () => process.exit());
