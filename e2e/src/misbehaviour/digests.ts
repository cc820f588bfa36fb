import { createHash } from "node:crypto";

import { expect } from "vitest";

import { inTurn, serve } from "../harness/answers.ts";
import type { Fields } from "../harness/exchange.ts";
import { FILE, HALF, OTHER, times, type Row } from "./row.ts";

function digest(algorithm: string, bytes: Buffer, encoding: "hex" | "base64" = "base64"): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}

const right = (algorithm: string): string => digest(algorithm, FILE.bytes);
const wrong = (algorithm: string): string => digest(algorithm, OTHER.bytes);
const MISMATCH = { code: "CHECKSUM_MISMATCH", detail: /checksum|digest/i };

/** What a source says of the whole file's digest, and whether that is so. */
const SOURCES: readonly (readonly [isRight: boolean, fields: Fields])[] = [
  [true, { "Repr-Digest": `sha-256=:${right("sha256")}:` }],
  [false, { "Repr-Digest": `sha-256=:${wrong("sha256")}:` }],
  [true, { "Repr-Digest": `sha-512=:${right("sha512")}:` }],
  [false, { "Repr-Digest": `sha-512=:${wrong("sha512")}:` }],
  [true, { "Repr-Digest": `unixsum=:AAA=:, sha-256=:${right("sha256")}:` }],
  [false, { "Repr-Digest": `md5=:${right("md5")}:, sha-256=:${wrong("sha256")}:` }],
  [true, { Digest: `SHA-256=${right("sha256")}` }],
  [false, { Digest: `SHA-256=${wrong("sha256")}` }],
  [false, { Digest: `sha-256=${wrong("sha256")}` }],
  [false, { Digest: `UNIXsum=30637,SHA-512=${wrong("sha512")}` }],
  [true, { Digest: `MD5=${right("md5")}` }],
  [false, { Digest: `MD5=${wrong("md5")}` }],
  [true, { "Content-MD5": right("md5") }],
  [false, { "Content-MD5": wrong("md5") }],
  [true, { "Repr-Digest": `sha-256=:${right("sha256")}:`, "Content-MD5": wrong("md5") }],
  [false, { "Repr-Digest": `sha-256=:${wrong("sha256")}:`, "Content-MD5": right("md5") }],
  [true, { "Repr-Digest": "sha-256=:c2hvcnQ=:" }],
  [true, { "Repr-Digest": "not a dictionary", Digest: "=", "Content-MD5": "zzz" }],
  [true, { "Repr-Digest": `crc32c=:AAAAAA==:` }],
];

/** The same bytes or others, with what the client said of them. */
const CHECKSUMS: readonly (readonly [isRight: boolean, checksum: string])[] = [
  [true, `sha-256=${digest("sha256", FILE.bytes, "hex")}`],
  [false, `sha-256=${digest("sha256", OTHER.bytes, "hex")}`],
  [true, `sha-512=${right("sha512")}`],
  [false, `sha-512=${wrong("sha512")}`],
  [true, `sha-1=${digest("sha1", FILE.bytes, "hex").toUpperCase()}`],
  [false, `md5=${digest("md5", OTHER.bytes, "hex")}`],
];

/** Digests of the source (RFC 9530, RFC 3230, RFC 1864) and of the client; the client's counts more. */
export const DIGESTS: readonly Row[] = [
  ...SOURCES.map(([isRight, fields]): Row => ({
    name: `${isRight ? "nothing against the file" : "not the file"}: ${JSON.stringify(fields)}`.slice(0, 120),
    script: serve(FILE, { fields }),
    end: isRight ? { content: FILE } : MISMATCH,
    asked: times(1),
  })),
  ...CHECKSUMS.map(([isRight, checksum]): Row => ({
    name: `the client's ${isRight ? "right" : "wrong"} ${checksum}`.slice(0, 60),
    script: serve(FILE),
    ask: { checksum },
    end: isRight ? { content: FILE } : MISMATCH,
    asked: times(1),
  })),
  {
    name: "the client's checksum is right, the source's digest is not",
    script: serve(FILE, { fields: { "Repr-Digest": `sha-256=:${wrong("sha256")}:` } }),
    ask: { checksum: `sha-256=${digest("sha256", FILE.bytes, "hex")}` },
    end: { content: FILE },
  },
  {
    name: "the client's checksum is wrong, the source's digest is not",
    script: serve(FILE, { fields: { "Repr-Digest": `sha-256=:${right("sha256")}:` } }),
    ask: { checksum: `sha-256=${digest("sha256", OTHER.bytes, "hex")}` },
    end: MISMATCH,
  },
  {
    name: "a digest that came with the first half is kept for the end",
    script: inTurn(
      serve(FILE, { closeAfter: HALF, fields: { "Repr-Digest": `sha-256=:${wrong("sha256")}:` } }),
      serve(FILE),
    ),
    end: MISMATCH,
    asked: (requests) =>
      expect(requests.map(({ headers }) => headers["range"])).toEqual([undefined, `bytes=${HALF}-`]),
  },
  {
    name: "a digest of a version that was given up does not count",
    script: inTurn(
      serve(FILE, { closeAfter: HALF, fields: { "Repr-Digest": `sha-256=:${right("sha256")}:` } }),
      serve(OTHER),
    ),
    end: { content: OTHER },
  },
  {
    name: "a digest of the content of a 206 is not the file's",
    script: inTurn(
      serve(FILE, { closeAfter: HALF }),
      serve(FILE, {
        fields: {
          "Content-MD5": digest("md5", FILE.bytes.subarray(HALF)),
          "Content-Digest": `sha-256=:${digest("sha256", FILE.bytes.subarray(HALF))}:`,
        },
      }),
    ),
    end: { content: FILE },
    asked: times(2),
  },
];
