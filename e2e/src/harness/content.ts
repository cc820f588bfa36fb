import { createCipheriv, createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const CHUNK_BYTES = 1 << 20;

/** The SHA-256 of bytes, in hexadecimal. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES }))
    hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Bytes that look random, always the same for one seed: a mix-up of two places shows. */
export function* noise(bytes: number, seed: string): Generator<Buffer> {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  for (let left = bytes; left > 0; left -= CHUNK_BYTES)
    yield cipher.update(zeros.subarray(0, Math.min(left, CHUNK_BYTES)));
}

/** The same at once. */
export function noiseBuffer(bytes: number, seed: string): Buffer {
  return Buffer.concat([...noise(bytes, seed)]);
}

/** The same as a stream, which tells the SHA-256 of what was read from it. */
export function noiseStream(bytes: number, seed: string): { stream: Readable; sha256: () => string } {
  const hash = createHash("sha256");
  function* hashed(): Generator<Buffer> {
    for (const chunk of noise(bytes, seed)) {
      hash.update(chunk);
      yield chunk;
    }
  }
  return { stream: Readable.from(hashed(), { objectMode: false }), sha256: () => hash.digest("hex") };
}

/** Writes a file of that size, and resolves to its SHA-256. */
export async function writeNoise(path: string, bytes: number, seed: string): Promise<string> {
  const content = noiseStream(bytes, seed);
  await pipeline(content.stream, createWriteStream(path));
  return content.sha256();
}
