import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

import { AttemptError, ChecksumInvalidError } from "./errors.ts";

/** The algorithms a checksum may use: their names here, in Node, and the digest's length in bytes. */
const ALGORITHMS: Readonly<Record<string, { hash: string; bytes: number }>> = {
  "sha-256": { hash: "sha256", bytes: 32 },
  "sha-512": { hash: "sha512", bytes: 64 },
  "sha-1": { hash: "sha1", bytes: 20 },
  md5: { hash: "md5", bytes: 16 },
};

/**
 * Reads `<algorithm>=<digest>`, the digest in hex or base64 (also between colons, as in `Repr-Digest`), and writes it
 * with the digest in lower-case hex.
 *
 * @throws {ChecksumInvalidError}
 */
export function parseChecksum(text: string): string {
  const [, name = "", digest = ""] = /^([a-z\d-]+)=(.+)$/i.exec(text.trim()) ?? [];
  const key = name.toLowerCase().replace(/^sha(?=\d)/, "sha-");
  const algorithm = Object.hasOwn(ALGORITHMS, key) ? ALGORITHMS[key] : undefined;
  if (!algorithm) {
    throw new ChecksumInvalidError(
      `The checksum must be ${Object.keys(ALGORITHMS).join(", ")}, "=", and a digest in hex or base64.`,
    );
  }
  const bytes = decodeDigest(digest, algorithm.bytes);
  if (!bytes) {
    throw new ChecksumInvalidError(
      `A ${key} digest is ${algorithm.bytes} bytes in hex or base64; this one is not.`,
    );
  }
  return `${key}=${bytes.toString("hex")}`;
}

function decodeDigest(text: string, length: number): Buffer | undefined {
  if (/^[\da-f]+$/i.test(text) && text.length === length * 2) return Buffer.from(text, "hex");
  const [, base64 = ""] = /^:?([\w+/-]+={0,2}):?$/.exec(text) ?? [];
  const bytes = Buffer.from(base64, "base64");
  return bytes.length === length ? bytes : undefined;
}

/**
 * Compares a whole file with a checksum that {@link parseChecksum} has written.
 *
 * @throws {AttemptError} `CHECKSUM_MISMATCH`
 */
export async function verifyChecksum(fd: number, checksum: string, signal: AbortSignal): Promise<void> {
  const [name = "", expected] = checksum.split("=");
  const hash = createHash(ALGORITHMS[name]?.hash ?? name);
  const file = createReadStream("", { fd, start: 0, autoClose: false, highWaterMark: 1 << 20, signal });
  for await (const chunk of file) hash.update(chunk as Buffer);
  if (hash.digest("hex") === expected) return;
  throw new AttemptError(
    "CHECKSUM_MISMATCH",
    `The file's ${name} checksum is not the one that was asked for.`,
  );
}
