import { randomBytes } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

const CHUNK_BYTES = 2 ** 20;

/** Makes a file of bytes that do not compress, a random MiB again and again. */
export async function makeFile(path: string, bytes: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await using file = await open(path, "w");
  const chunk = randomBytes(CHUNK_BYTES);
  for (let written = 0; written < bytes; written += CHUNK_BYTES) {
    await file.write(chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - written)));
  }
  await file.sync();
}
