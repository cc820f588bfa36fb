import { expect } from "vitest";

import { answer, byRange, bytes, serve, type Manner } from "../harness/answers.ts";
import type { Exchange, Received } from "../harness/exchange.ts";
import type { Script } from "../harness/misbehaving.ts";
import { version, type Row } from "./row.ts";

const MIB = 2 ** 20;
const BIG = version("big", 16 * MIB);
const CHANGED = version("changed", 16 * MIB);
/** Slow enough that more than one connection is worth it: 16 MiB take two seconds on one. */
const SLOWLY: Manner = { pace: { bytes: 128 * 1024, everyMs: 16 } };

/** Some request asked for a part that begins further on. */
function usedSegments(requests: readonly Received[]): void {
  const starts = requests.map(({ headers }) => /^bytes=([1-9]\d*)-/.exec(headers["range"] ?? "")?.[1]);
  expect(starts.filter((start) => start !== undefined)).not.toEqual([]);
}

/** The first connection goes on, and every other request meets this. */
function others(name: string, other: Script): Row {
  return {
    name,
    ask: { segments: 4 },
    script: (exchange) => (isFurtherOn(exchange) ? other : serve(BIG, SLOWLY))(exchange),
    end: { content: BIG },
    asked: usedSegments,
  };
}

function isFurtherOn({ request }: Exchange): boolean {
  return /^bytes=[1-9]/.test(request.headers["range"] ?? "");
}

/** A file brought by several connections at once, from sources that do not like it. */
export const SEGMENTS: readonly Row[] = [
  {
    name: "segments of a server that honours ranges: every byte once",
    ask: { segments: 4 },
    script: serve(BIG, SLOWLY),
    end: { content: BIG },
    asked: (requests, { bytesSent }) => {
      usedSegments(requests);
      expect(new Set(requests.map(({ connection }) => connection)).size).toBeGreaterThan(1);
      // What was on its way on a connection whose rest another one took over.
      expect(bytesSent).toBeLessThan(BIG.bytes.length + 8 * MIB);
      for (const { headers } of requests) {
        if (headers["range"] !== undefined) expect(headers["if-range"]).toBe(BIG.etag);
      }
    },
  },
  {
    name: "one segment: one request",
    ask: { segments: 1 },
    script: serve(BIG, SLOWLY),
    end: { content: BIG },
    asked: (requests) => expect(requests).toHaveLength(1),
  },
  {
    name: "segments of a server with a weak validator: one request",
    ask: { segments: 4 },
    script: serve({ ...BIG, etag: 'W/"big"' }, SLOWLY),
    end: { content: BIG },
    asked: (requests) => expect(requests).toHaveLength(1),
  },
  {
    name: "segments of a server that says it has no ranges: one request",
    ask: { segments: 4 },
    script: serve(BIG, { ...SLOWLY, ignoreRange: true, fields: { "Accept-Ranges": "none" } }),
    end: { content: BIG },
    asked: (requests) => expect(requests).toHaveLength(1),
  },
  others(
    "200 to every range, under the same tag: gone on with by one connection",
    serve(BIG, { ignoreRange: true }),
  ),
  others("429 to further connections: gone on with by fewer", answer(429, { "Retry-After": 60 })),
  others("503 to further connections: gone on with by fewer", answer(503)),
  others("403 to further connections: gone on with by fewer", answer(403)),
  others("further connections are reset: gone on with by fewer", (exchange) => exchange.reset()),
  others("further connections break off in their head: gone on with by fewer", async (exchange) => {
    await exchange.send("HTTP/1.1 206 Par");
    await exchange.reset();
  }),
  others("further connections bring garbage: gone on with by fewer", bytes("no HTTP at all\r\n\r\n")),
  others("further connections are redirected in a circle: gone on with by fewer", (exchange) =>
    answer(302, { Location: exchange.base + exchange.rest })(exchange),
  ),
  {
    name: "a server that takes two connections and refuses more",
    ask: { segments: 8 },
    script: (() => {
      let open = 0;
      return async (exchange: Exchange) => {
        if (open >= 2) return answer(503)(exchange);
        open++;
        try {
          await serve(BIG, SLOWLY)(exchange);
        } finally {
          open--;
        }
      };
    })(),
    end: { content: BIG },
    asked: usedSegments,
  },
  {
    name: "a reset at every 64 KiB of every segment",
    ask: { segments: 4 },
    script: serve(version("resets", 4 * MIB), { resetAfter: 64 * 1024 }),
    end: { content: version("resets", 4 * MIB) },
    asked: (requests) => expect(requests.length).toBeGreaterThanOrEqual(64),
  },
  {
    name: "another version for further ranges, whatever If-Range says: never joined",
    ask: { segments: 4 },
    script: byRange(
      (exchange) =>
        serve(isFurtherOn(exchange) ? CHANGED : BIG, { ...SLOWLY, ignoreCondition: true })(exchange),
      serve(BIG, SLOWLY),
    ),
    end: { content: [BIG, CHANGED] },
    asked: usedSegments,
  },
  {
    name: "another version from the second request on: never joined",
    ask: { segments: 4 },
    script: (exchange) => serve(exchange.count === 1 ? BIG : CHANGED, SLOWLY)(exchange),
    end: { content: [BIG, CHANGED] },
    asked: usedSegments,
  },
  {
    name: "another version from the third request on, whatever If-Range says, and the first breaks off: never joined",
    ask: { segments: 4 },
    script: (exchange) =>
      exchange.count <= 2
        ? serve(BIG, { ...SLOWLY, closeAfter: 3 * MIB })(exchange)
        : serve(CHANGED, { ...SLOWLY, ignoreCondition: true })(exchange),
    end: { content: [BIG, CHANGED] },
  },
  {
    name: "another version of another length for further ranges: never joined",
    ask: { segments: 4 },
    script: (exchange) =>
      serve(isFurtherOn(exchange) ? version("shorter", 12 * MIB) : BIG, { ...SLOWLY, ignoreCondition: true })(
        exchange,
      ),
    end: { content: [BIG, version("shorter", 12 * MIB)] },
    asked: usedSegments,
  },
  {
    name: "a segment answered with another one's range: never joined",
    ask: { segments: 4 },
    script: (exchange) => (isFurtherOn(exchange) ? displaced(exchange) : serve(BIG, SLOWLY)(exchange)),
    end: { content: BIG },
    asked: usedSegments,
  },
  {
    name: "a segment that stalls: taken over",
    ask: { segments: 4 },
    script: (exchange) => serve(BIG, exchange.count === 2 ? { stallAfter: 64 * 1024 } : SLOWLY)(exchange),
    end: { content: BIG },
    asked: usedSegments,
  },
];

/** 206 with the right tag and total, for bytes that were not asked for. */
async function displaced(exchange: Exchange): Promise<void> {
  await answer(
    206,
    { "Content-Range": `bytes 1-${MIB}/${BIG.bytes.length}`, ETag: BIG.etag },
    BIG.bytes.subarray(1, MIB + 1),
  )(exchange);
}
