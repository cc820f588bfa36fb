import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { untilDelivered } from "./connections.ts";

/** More than the other end takes by itself, and less than this end's kernel holds. */
const BYTES = 1_000_000;

/** A connection to a server of this process, whose client reads nothing yet. */
async function open(): Promise<{ port: number; served: Socket; client: Socket }> {
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection");
  const client = connect(port, "127.0.0.1").pause();
  onTestFinished(() => void client.destroy());
  const [served] = (await accepted) as [Socket];
  return { port, served, client };
}

test.skipIf(process.platform !== "linux")(
  "what was sent before a connection was let go of is waited for until the other end has it (needs Linux)",
  async () => {
    const { port, served, client } = await open();
    served.end(Buffer.alloc(BYTES));
    await once(served, "finish");
    served.destroy();
    const delivered = untilDelivered(port, AbortSignal.timeout(30_000)).then(() => "delivered");
    expect(await Promise.race([delivered, sleep(500, "on its way")])).toBe("on its way");
    const closed = once(client, "close");
    client.resume();
    expect(await delivered).toBe("delivered");
    await closed;
    expect(client.bytesRead).toBe(BYTES);
  },
);

test("nothing is waited for when all has arrived, nor after the signal", async () => {
  const { port, served, client } = await open();
  client.resume();
  served.end("all");
  await once(client, "end");
  await expect(untilDelivered(port, AbortSignal.timeout(30_000))).resolves.toBeUndefined();

  const slow = await open();
  slow.served.end(Buffer.alloc(BYTES));
  await once(slow.served, "finish");
  slow.served.destroy();
  await expect(untilDelivered(slow.port, AbortSignal.timeout(200))).resolves.toBeUndefined();
});
