// Runs in a Pod, by Node alone. `/<seed>/<bytes>` is a file of noise, with an entity tag and ranges; `?rate=` is its speed
// in bytes a second. Always the same bytes for one seed, whichever part is asked for.
import { createCipheriv, createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const PORT = 8000;
const PIECE_BYTES = 64 * 1024;
const BLOCK_BYTES = 16;

const server = createServer((request, response): void => {
  const url = new URL(request.url ?? "/", "http://origin");
  const [, seed = "", total = ""] = url.pathname.split("/");
  if (!/^\d+$/.test(total)) {
    response.writeHead(404).end();
    return;
  }
  const bytes = Number(total);
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const first = Number(from ?? 0);
  const last = to ? Math.min(Number(to), bytes - 1) : bytes - 1;
  const isPart = from !== undefined && bytes > 0;
  response.writeHead(isPart ? 206 : 200, {
    "accept-ranges": "bytes",
    "content-length": last - first + 1,
    "content-type": "application/octet-stream",
    etag: `"${seed}-${bytes}"`,
    ...(isPart && { "content-range": `bytes ${first}-${last}/${bytes}` }),
  });
  const end = request.method === "HEAD" ? first : last + 1;
  const rate = Number(url.searchParams.get("rate") ?? Infinity);
  send(response, seed, first, end, rate).catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.listen(PORT, () => console.log(`origin listens on ${PORT}`));
process.on("SIGTERM", () => process.exit());

async function send(
  response: ServerResponse,
  seed: string,
  first: number,
  end: number,
  bytesPerSecond: number,
): Promise<void> {
  const noise = noiseFrom(seed, first);
  for (let at = first; at < end && !response.destroyed;) {
    const piece = noise(Math.min(PIECE_BYTES, end - at));
    at += piece.length;
    if (!response.write(piece)) await new Promise((drained) => response.once("drain", drained));
    if (bytesPerSecond !== Infinity) await sleep((piece.length / bytesPerSecond) * 1_000);
  }
  response.end();
}

/** The noise of `content.ts`, from an offset on: its cipher counts blocks. */
function noiseFrom(seed: string, offset: number): (bytes: number) => Buffer {
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.writeBigUInt64BE(BigInt(Math.floor(offset / BLOCK_BYTES)), BLOCK_BYTES - 8);
  const cipher = createCipheriv("aes-256-ctr", createHash("sha256").update(seed).digest(), counter);
  cipher.update(Buffer.alloc(offset % BLOCK_BYTES));
  return (bytes) => cipher.update(Buffer.alloc(bytes));
}
