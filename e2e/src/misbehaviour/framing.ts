import { expect } from "vitest";

import { bytes, inTurn, serve } from "../harness/answers.ts";
import type { Script } from "../harness/misbehaving.ts";
import { FILE, LIMITS, times, validated, version, type Row } from "./row.ts";

const HEAD = "HTTP/1.1 200 OK\r\n";
const LENGTH = "Content-Length: 1000\r\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
const SHORT = version("short", 1_000);

/** Bytes that are no HTTP response: three attempts, and words for it. */
function invalid(name: string, ...parts: (string | Buffer)[]): Row {
  return {
    name,
    script: bytes(...parts),
    end: { code: "RESPONSE_INVALID", detail: /HTTP/ },
  };
}

/** A body whose length is said in more than one way. */
function unclear(name: string, ...parts: (string | Buffer)[]): Row {
  const code = expect.stringMatching(/^(?:RESPONSE_INVALID|BODY_TRUNCATED)$/) as string;
  return { name, script: bytes(...parts), end: { code, detail: /HTTP|length|as long as/ } };
}

/** Bytes that a recipient can make sense of, in one way only. */
function valid(name: string, ...parts: (string | Buffer)[]): Row {
  return { name, script: bytes(...parts), end: { content: SHORT }, asked: times(1) };
}

/** Bytes that end before they should. */
function cut(name: string, ...parts: (string | Buffer)[]): Row {
  return {
    name,
    script: bytes(...parts),
    end: { code: "CONNECTION_FAILED", detail: /broke off/ },
    asked: times(LIMITS.maxAttempts),
  };
}

function chunk(body: Buffer, extension = ""): Buffer {
  const size = body.length.toString(16);
  return Buffer.concat([Buffer.from(`${size}${extension}\r\n`), body, Buffer.from("\r\n")]);
}

const chunkedFile: Script = async (exchange) => {
  await exchange.send(CHUNKED);
  for (let at = 0; at < FILE.bytes.length; at += 10_000)
    await exchange.send(chunk(FILE.bytes.subarray(at, at + 10_000)));
  await exchange.send("0\r\n\r\n");
  exchange.end();
};
const [half, rest] = [SHORT.bytes.subarray(0, 500), SHORT.bytes.subarray(500)];

/** Heads and bodies that are not as RFC 9112 has them, and some that are and rarely seen. */
export const FRAMING: readonly Row[] = [
  // Some of these could be made sense of (RFC 9110 §8.6, RFC 9112 §6.3), but by nobody who must not be mistaken.
  unclear("two lengths that differ", `${HEAD}${LENGTH}Content-Length: 500\r\n\r\n`, SHORT.bytes),
  unclear("two lengths that differ, in one field", `${HEAD}Content-Length: 1000, 500\r\n\r\n`, SHORT.bytes),
  unclear("one length, twice", `${HEAD}${LENGTH}${LENGTH}\r\n`, SHORT.bytes),
  unclear(
    "a length beside chunks",
    `${HEAD}Content-Length: 500\r\nTransfer-Encoding: chunked\r\n\r\n`,
    chunk(SHORT.bytes),
    "0\r\n\r\n",
  ),
  { name: "chunked", script: chunkedFile, end: { content: FILE }, asked: times(1) },
  valid("chunks with extensions", CHUNKED, chunk(half, ';a=b;c="d"'), chunk(rest, ";e"), "0\r\n\r\n"),
  valid("chunks with trailers", CHUNKED, chunk(SHORT.bytes), "0\r\nX-After: a\r\nETag: b\r\n\r\n"),
  valid(
    "a chunk's size in capitals, with zeros before it",
    CHUNKED,
    "0003E8\r\n",
    SHORT.bytes,
    "\r\n0\r\n\r\n",
  ),
  valid("a reason that is missing", "HTTP/1.1 200 \r\nContent-Length: 1000\r\n\r\n", SHORT.bytes),
  valid("a reason in UTF-8", "HTTP/1.1 200 \xc3\xa4h\r\nContent-Length: 1000\r\n\r\n", SHORT.bytes),
  valid("fields without blanks", `${HEAD}content-length:1000\r\nx:\r\n\r\n`, SHORT.bytes),
  cut("chunks that break off in one of them", CHUNKED, chunk(half), "1f4\r\n", rest.subarray(0, 100)),
  cut("chunks that break off between two of them", CHUNKED, chunk(half)),
  cut("chunks without the last one's end", CHUNKED, chunk(SHORT.bytes), "0\r\n"),
  cut("a head that breaks off", `${HEAD}Content-Le`),
  cut("nothing at all", ""),
  {
    name: "chunks that break off, under a strong validator: the rest is asked for",
    script: inTurn(
      bytes(CHUNKED.replace("\r\n\r\n", `\r\nETag: ${SHORT.etag}\r\n\r\n`), chunk(half)),
      serve(SHORT),
    ),
    end: { content: SHORT },
    asked: ([, second, ...more]) => {
      expect(second?.headers).toMatchObject({ range: "bytes=500-", "if-range": SHORT.etag });
      expect(more).toEqual([]);
    },
  },
  {
    name: "chunks that break off, without a validator: from the start",
    script: inTurn(bytes(CHUNKED, chunk(half)), serve(validated(SHORT))),
    end: { content: SHORT },
    asked: (requests) =>
      expect(requests.map(({ headers }) => headers["range"])).toEqual([undefined, undefined]),
  },
  invalid("a chunk's size that is no number", CHUNKED, "size\r\n", SHORT.bytes, "\r\n0\r\n\r\n"),
  invalid("a chunk's size that is negative", CHUNKED, "-3e8\r\n", SHORT.bytes, "\r\n0\r\n\r\n"),
  invalid("a chunk's size beyond all numbers", CHUNKED, `${"f".repeat(40)}\r\n`, SHORT.bytes),
  invalid("a chunk longer than its size", CHUNKED, "1f4\r\n", SHORT.bytes, "\r\n0\r\n\r\n"),
  invalid("no head at all (HTTP/0.9)", "just the bytes of a file\n".repeat(100)),
  invalid("another protocol", "SSH-2.0-OpenSSH_9.9\r\n"),
  invalid("an HTML page without a head", "<html><body>It works!</body></html>\r\n\r\n"),
  invalid("zeros", Buffer.alloc(10_000)),
  invalid("a version that is none", "HTTP/9.9.9 200 OK\r\n\r\n", SHORT.bytes),
  invalid("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 1000\r\n\r\n", SHORT.bytes),
  invalid("a status that is no number", "HTTP/1.1 OK\r\nContent-Length: 1000\r\n\r\n", SHORT.bytes),
  invalid("a field without a colon", `${HEAD}Content-Length 1000\r\n\r\n`, SHORT.bytes),
  invalid("a blank before the colon", `${HEAD}Content-Length : 1000\r\n\r\n`, SHORT.bytes),
  invalid("a NUL in a field", `${HEAD}X: a\0b\r\nContent-Length: 1000\r\n\r\n`, SHORT.bytes),
  invalid("a bare CR in a field", `${HEAD}X: a\rContent-Length: 5\r\n\r\n`, SHORT.bytes),
  // Recipients may put up with these (RFC 9112 §2.2, §5.2); llhttp does not.
  invalid("lines that end in a bare LF", `HTTP/1.1 200 OK\nContent-Length: 1000\n\n`, SHORT.bytes),
  invalid("a folded field (obs-fold)", `${HEAD}X: a\r\n b\r\nContent-Length: 1000\r\n\r\n`, SHORT.bytes),
  {
    name: "a field larger than any head may be",
    script: bytes(`${HEAD}X: ${"a".repeat(1_000_000)}\r\nContent-Length: 1000\r\n\r\n`, SHORT.bytes),
    end: { code: "RESPONSE_INVALID", detail: /head/i },
  },
  {
    name: "a transfer coding that nobody asked for",
    script: bytes(`${HEAD}Transfer-Encoding: gzip\r\n\r\n`, SHORT.bytes),
    end: {
      code: expect.stringMatching(/^(?:RESPONSE_INVALID|CONTENT_ENCODED)$/) as string,
      detail: /HTTP|encod/,
    },
  },
];
