import { expect } from "vitest";

import { answer, bytes, inTurn, respond, sendBody, sendHead, serve } from "../harness/answers.ts";
import {
  conditionsAre,
  FILE,
  HALF,
  LIMITS,
  times,
  validated,
  version,
  wholeEachTime,
  type Row,
} from "./row.ts";

const EMPTY = version("empty", 0);
const LONGER = version("longer", FILE.bytes.length + 5);
const REST = { range: `bytes=${HALF}-`, ifRange: '"first"' };

/** Lengths that are missing, wrong, or other than before. */
export const LENGTHS: readonly Row[] = [
  {
    name: "no length, the end of the connection is the end of the file",
    script: serve(FILE, { fields: { "Content-Length": undefined } }),
    end: { content: FILE },
    asked: times(1),
  },
  {
    name: "no length, HTTP/1.0, not kept alive",
    script: async (exchange) => {
      await exchange.sendHead("HTTP/1.0 200 OK", { "Content-Type": "text/plain" });
      await sendBody(exchange, FILE.bytes);
    },
    end: { content: FILE },
    asked: times(1),
  },
  {
    name: "HTTP/1.0 with a length",
    script: async (exchange) => {
      await exchange.sendHead("HTTP/1.0 200 OK", { "Content-Length": FILE.bytes.length });
      await sendBody(exchange, FILE.bytes);
    },
    end: { content: FILE },
    asked: times(1),
  },
  {
    name: "shorter than promised, then closed: the rest is asked for",
    script: inTurn(serve(FILE, { closeAfter: HALF }), serve(FILE)),
    end: { content: FILE },
    asked: conditionsAre({}, REST),
  },
  {
    name: "shorter than promised, each time, without a validator: never taken for whole",
    script: serve(validated(FILE), { closeAfter: HALF }),
    end: {
      code: expect.stringMatching(/^(?:CONNECTION_FAILED|BODY_TRUNCATED)$/) as string,
      detail: /broke off|length|as long as/,
    },
    asked: wholeEachTime(LIMITS.maxAttempts),
  },
  {
    name: "more than promised: what is beyond is no part of the file",
    script: async (exchange) => {
      await sendHead(exchange, 200, { "Content-Length": FILE.bytes.length });
      await sendBody(exchange, LONGER.bytes.fill(FILE.bytes, 0, FILE.bytes.length));
    },
    end: { content: FILE },
  },
  {
    name: "another length at the next attempt, under the same tag: from the start",
    script: inTurn(
      serve(FILE, { closeAfter: HALF }),
      serve({ ...version("longer2", LONGER.bytes.length), etag: '"first"' }),
    ),
    end: { content: version("longer2", LONGER.bytes.length) },
    asked: conditionsAre({}, REST, {}),
  },
  {
    name: "another length at the next attempt, under another tag: from the start",
    script: inTurn(serve(FILE, { closeAfter: HALF }), serve(version("longer3", LONGER.bytes.length))),
    end: { content: version("longer3", LONGER.bytes.length) },
    asked: conditionsAre({}, REST),
  },
  {
    name: "no bytes, and a length that says so",
    script: serve(EMPTY),
    end: { content: EMPTY },
    asked: times(1),
  },
  {
    name: "no bytes and no length",
    script: serve(EMPTY, { fields: { "Content-Length": undefined } }),
    end: { content: EMPTY },
    asked: times(1),
  },
  {
    name: "203, transformed on the way, is a file all the same",
    script: answer(203, {}, FILE.bytes),
    end: { content: FILE },
    asked: times(1),
  },
  {
    name: "a length that is no number",
    script: bytes("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nbytes"),
    end: { code: "RESPONSE_INVALID", detail: /HTTP/ },
  },
  {
    name: "a negative length",
    script: bytes("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nbytes"),
    end: { code: "RESPONSE_INVALID", detail: /HTTP/ },
  },
  ...[2 ** 49, Number.MAX_SAFE_INTEGER].map((length): Row => ({
    name: `${length} bytes, more than the disk has: known before the first of them`,
    script: async (exchange) => {
      await sendHead(exchange, 200, { "Content-Length": length });
      await exchange.stall();
    },
    end: { code: "INSUFFICIENT_STORAGE", detail: /space/i },
  })),
  {
    name: "larger than maxBytes, by its length: no byte of it is waited for",
    script: async (exchange) => {
      await sendHead(exchange, 200, { "Content-Length": FILE.bytes.length });
      await exchange.stall();
    },
    ask: { maxBytes: FILE.bytes.length - 1 },
    end: { code: "TOO_LARGE", detail: new RegExp(`${FILE.bytes.length - 1}`) },
    asked: times(1),
  },
  {
    name: "exactly maxBytes",
    script: serve(FILE),
    ask: { maxBytes: FILE.bytes.length },
    end: { content: FILE },
    asked: times(1),
  },
  {
    name: "one byte over maxBytes, without a length",
    script: serve(FILE, { fields: { "Content-Length": undefined } }),
    ask: { maxBytes: FILE.bytes.length - 1 },
    end: { code: "TOO_LARGE", detail: new RegExp(`${FILE.bytes.length - 1}`) },
    asked: times(1),
  },
  {
    name: "kept alive: two on one connection",
    path: "first",
    script: async (exchange) => {
      if (exchange.rest === "first")
        return exchange.sendHead("HTTP/1.1 302 Found", { Location: "second", "Content-Length": 0 });
      await respond(exchange, 200, {}, FILE.bytes);
    },
    end: { content: FILE, filename: "second" },
    asked: times(2),
  },
];
