import { expect } from "vitest";

import { answer, bytes, inTurn, sendBody, sendHead, serve } from "../harness/answers.ts";
import type { Received } from "../harness/exchange.ts";
import type { Script } from "../harness/misbehaving.ts";
import { conditionsAre, FILE, HALF, LIMITS, times, validated, version, type Row } from "./row.ts";

const SMALL = version("small", 4_096);
const RESET_EVERY = 64 * 1024;
const MANY_RESETS = version("many-resets", 16 * RESET_EVERY);
const REST = { range: `bytes=${HALF}-`, ifRange: '"first"' };

/** The second request came so long after the first. */
function waited(ms: number): (requests: readonly Received[]) => void {
  return ([first, second, ...more]) => {
    expect(more).toEqual([]);
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(ms);
  };
}

/** 429 or 503, with a date that is at least so far away. */
function busyUntil(status: number, ms: number): Script {
  return (exchange) => {
    const date = new Date(Math.ceil((Date.now() + ms) / 1000) * 1000);
    return answer(status, { "Retry-After": date.toUTCString() })(exchange);
  };
}

/** Sends the same again and again, until the other side has had enough. */
function endless(head: string, part: string | Buffer, everyMs = 0): Script {
  return async (exchange) => {
    await exchange.send(head);
    for (let sent = 0; sent < 2 ** 31; sent += part.length) {
      await exchange.send(part);
      if (everyMs > 0) await exchange.pause(everyMs);
    }
  };
}

const LIMIT = 1_000_000;
/** What may be on its way between the two sides when one of them ends it. */
const IN_FLIGHT = 32_000_000;

/** Sources that are slow, silent, busy, or do not end. */
export const TIMES: readonly Row[] = [
  {
    name: "a drip: slow, and steady for longer than a stall may last",
    script: serve(SMALL, { pace: { bytes: 256, everyMs: 300 } }),
    end: { content: SMALL },
    asked: times(1),
  },
  {
    name: "a head that drips",
    script: async (exchange) => {
      for (const part of `HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n`) {
        await exchange.send(part);
        await exchange.pause(20);
      }
      await sendBody(exchange, SMALL.bytes);
    },
    end: { content: SMALL },
    asked: times(1),
  },
  {
    name: "silence in place of a head, once",
    script: inTurn((exchange) => exchange.stall(), serve(FILE)),
    end: { content: FILE },
    asked: times(2),
  },
  {
    name: "silence in place of a head, each time",
    script: (exchange) => exchange.stall(),
    end: { code: "HEADERS_TIMEOUT", detail: /did not answer in time/ },
    asked: times(LIMITS.maxAttempts),
  },
  {
    name: "silence in the body: the rest is asked for",
    script: inTurn(serve(FILE, { stallAfter: HALF }), serve(FILE)),
    end: { content: FILE },
    asked: conditionsAre({}, REST),
  },
  {
    name: "silence in the body, each time at the same byte",
    script: async (exchange) => {
      await sendHead(exchange, 200, { "Content-Length": FILE.bytes.length });
      await exchange.stall();
    },
    end: { code: "STALLED", detail: new RegExp(`nothing for ${LIMITS.stallTimeoutMs / 1000} seconds`) },
    asked: times(LIMITS.maxAttempts),
  },
  {
    name: "silence at the end of a body without a length, which so may not be its end",
    script: inTurn(
      serve(validated(FILE), { fields: { "Content-Length": undefined }, stallAfter: HALF }),
      serve(validated(FILE)),
    ),
    end: { content: FILE },
    asked: times(2),
  },
  {
    name: "a reset at every 64 KiB: every attempt goes on where the one before ended",
    script: serve(MANY_RESETS, { resetAfter: RESET_EVERY }),
    end: { content: MANY_RESETS },
    asked: (requests, { bytesSent }) => {
      expect(bytesSent).toBeLessThan(MANY_RESETS.bytes.length * 1.5);
      expect(requests.slice(1).map(({ headers }) => headers["if-range"])).toEqual(
        requests.slice(1).map(() => MANY_RESETS.etag),
      );
    },
  },
  {
    name: "429 with Retry-After in seconds",
    script: inTurn(answer(429, { "Retry-After": 2 }), serve(FILE)),
    end: { content: FILE },
    asked: waited(1_990),
  },
  {
    name: "429 with Retry-After as a date",
    script: inTurn(busyUntil(429, 2_000), serve(FILE)),
    end: { content: FILE },
    asked: waited(1_990),
  },
  {
    name: "503 with Retry-After in seconds",
    script: inTurn(answer(503, { "Retry-After": 2 }), serve(FILE)),
    end: { content: FILE },
    asked: waited(1_990),
  },
  {
    name: "503 with Retry-After as a date",
    script: inTurn(busyUntil(503, 2_000), serve(FILE)),
    end: { content: FILE },
    asked: waited(1_990),
  },
  ...["soon", "-1", "Wed, 21 Oct 2015 07:28:00 GMT", "0", ""].map((value): Row => ({
    name: `503 with the Retry-After ${JSON.stringify(value)}`,
    script: inTurn(answer(503, { "Retry-After": value }), serve(FILE)),
    end: { content: FILE },
    asked: times(2),
  })),
  {
    name: "503 in the middle, with Retry-After: what is there is kept",
    script: inTurn(serve(FILE, { closeAfter: HALF }), answer(503, { "Retry-After": 1 }), serve(FILE)),
    end: { content: FILE },
    asked: conditionsAre({}, REST, REST),
  },
  {
    name: "503 each time",
    script: answer(503, {}, "busy"),
    end: { code: "HTTP_STATUS", detail: /503 Service Unavailable/ },
    asked: times(LIMITS.maxAttempts),
  },
  {
    name: "a body without an end, beyond maxBytes",
    script: endless("HTTP/1.1 200 OK\r\n\r\n", Buffer.alloc(65_536)),
    ask: { maxBytes: LIMIT },
    end: { code: "TOO_LARGE", detail: new RegExp(`${LIMIT}`) },
    asked: (requests, { bytesSent }) => {
      times(1)(requests);
      expect(bytesSent).toBeLessThan(LIMIT + IN_FLIGHT);
    },
  },
  {
    name: "a chunked body without an end, beyond maxBytes",
    script: endless(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      Buffer.from(`10000\r\n${"a".repeat(65_536)}\r\n`),
    ),
    ask: { maxBytes: LIMIT },
    end: { code: "TOO_LARGE", detail: new RegExp(`${LIMIT}`) },
    asked: (requests, { bytesSent }) => {
      times(1)(requests);
      expect(bytesSent).toBeLessThan(LIMIT + IN_FLIGHT);
    },
  },
  {
    name: "header fields without an end",
    script: endless("HTTP/1.1 200 OK\r\n", `X-Field: ${"a".repeat(1_000)}\r\n`),
    end: { code: "RESPONSE_INVALID", detail: /head/i },
    asked: (_requests, { bytesSent }) => expect(bytesSent).toBeLessThan(LIMITS.maxAttempts * IN_FLIGHT),
  },
  {
    name: "header fields without an end, slowly",
    script: endless("HTTP/1.1 200 OK\r\n", "X: a\r\n", 100),
    end: { code: "HEADERS_TIMEOUT", detail: /did not answer in time/ },
    asked: times(LIMITS.maxAttempts),
  },
  {
    name: "interim responses without an end",
    script: endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n", 50),
    end: { code: "HEADERS_TIMEOUT", detail: /did not answer in time/ },
    asked: times(LIMITS.maxAttempts),
  },
  {
    name: "a few interim responses, and then the file",
    script: async (exchange) => {
      for (const status of ["102 Processing", "103 Early Hints", "103 Early Hints"])
        await exchange.send(`HTTP/1.1 ${status}\r\n\r\n`);
      await serve(FILE)(exchange);
    },
    end: { content: FILE },
    asked: times(1),
  },
  {
    // RFC 9110 §15.2 would have it skipped; undici breaks the connection off.
    name: "100 Continue, though nobody waited for it",
    script: bytes("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
    end: { code: "CONNECTION_FAILED", detail: /broke off/ },
    asked: times(LIMITS.maxAttempts),
  },
  {
    name: "101 Switching Protocols, though nobody asked for it",
    script: bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nbytes"),
    end: {
      code: expect.stringMatching(/^(?:RESPONSE_INVALID|CONNECTION_FAILED|HTTP_STATUS)$/) as string,
      detail: /HTTP|101|broke off/,
    },
  },
  {
    name: "a chunk's extension without an end, which is no byte of a file",
    script: endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", "a".repeat(1_000), 5),
    end: { code: "STALLED", detail: /nothing for 3 seconds/ },
    asked: times(LIMITS.maxAttempts),
  },
  {
    name: "trailers without an end",
    script: endless(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
      `X: ${"a".repeat(1_000)}\r\n`,
    ),
    end: { code: "RESPONSE_INVALID", detail: /HTTP|head/ },
    asked: (_requests, { bytesSent }) => expect(bytesSent).toBeLessThan(LIMITS.maxAttempts * IN_FLIGHT),
  },
];
