import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";

import { ChecksumInvalidError } from "./errors.ts";
import type { ByteRange } from "./ranges.ts";

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

/** What a source may call the algorithms in `Repr-Digest` (RFC 9530 §5) and in the older `Digest` (RFC 3230). */
const SOURCE_ALGORITHMS = [
  ["sha-512", "sha-512"],
  ["sha-256", "sha-256"],
  ["sha", "sha-1"],
  ["md5", "md5"],
] as const;

/**
 * The strongest digest that a response states of the whole file, written as {@link parseChecksum} does: `Repr-Digest`,
 * else the older `Digest` and `Content-MD5`. Null when there is none that can be read; a source's word is a bonus.
 */
export function sourceDigest(headers: IncomingHttpHeaders): string | null {
  const { "repr-digest": reprDigest, digest, "content-md5": contentMd5 } = headers;
  const fields = [reprDigest, digest, contentMd5 && `md5=${String(contentMd5)}`];
  for (const field of fields) {
    const stated = new Map(
      String(field ?? "")
        .split(",")
        .map(nameAndValue),
    );
    for (const [name, algorithm] of SOURCE_ALGORITHMS) {
      const bytes = decodeDigest(stated.get(name) ?? "", ALGORITHMS[algorithm]?.bytes ?? 0);
      if (bytes) return `${algorithm}=${bytes.toString("hex")}`;
    }
  }
  return null;
}

function nameAndValue(member: string): [string, string] {
  const at = member.indexOf("=");
  return [member.slice(0, at).trim().toLowerCase(), member.slice(at + 1).trim()];
}

function decodeDigest(text: string, length: number): Buffer | undefined {
  if (/^[\da-f]+$/i.test(text) && text.length === length * 2) return Buffer.from(text, "hex");
  const [, base64 = ""] = /^:?([\w+/-]+={0,2}):?$/.exec(text) ?? [];
  const bytes = Buffer.from(base64, "base64");
  return bytes.length === length ? bytes : undefined;
}

/** Whether bytes of an open file have a checksum that {@link parseChecksum} has written. */
export async function hasChecksum(
  fd: number,
  { start, end }: ByteRange,
  checksum: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [name = "", expected] = checksum.split("=");
  const hash = createHash(ALGORITHMS[name]?.hash ?? name);
  if (end > start) {
    const options = { fd, start, end: end - 1, autoClose: false, highWaterMark: 1 << 20, signal };
    for await (const chunk of createReadStream("", options)) hash.update(chunk as Buffer);
  }
  return hash.digest("hex") === expected;
}
