import { expect } from "vitest";

import { answer, byRange, inTurn, respond, sendBody, sendHead, serve } from "../harness/answers.ts";
import type { Script } from "../harness/misbehaving.ts";
import { atMost, conditionsAre, FILE, HALF, OTHER, validated, wholeEachTime, type Row } from "./row.ts";

const REST = { range: `bytes=${HALF}-`, ifRange: '"first"' };
const PLAIN_REST = { range: `bytes=${HALF}-` };
const SIZE = FILE.bytes.length;
const drop = { closeAfter: HALF };

/** Half of the file, and then what a server makes of the question for the rest. */
function resumed(name: string, answers: Row["script"], end: Row["end"], asked: Row["asked"]): Row {
  return {
    name,
    script: (exchange, world) =>
      exchange.count === 1 ? serve(FILE, drop)(exchange) : answers(exchange, world),
    end,
    ...(asked && { asked }),
  };
}

/** Answers a range with this Content-Range and these bytes, and everything else as it should be. */
function claiming(contentRange: string | undefined, body: Buffer): Script {
  return byRange(async (exchange) => {
    await sendHead(exchange, 206, {
      "Content-Length": body.length,
      "Content-Range": contentRange,
      ETag: FILE.etag,
    });
    await sendBody(exchange, body);
  }, serve(FILE));
}

const rest = FILE.bytes.subarray(HALF);
const old = new Date(Date.now() - 86_400_000).toUTCString();
const other = new Date(Date.now() - 43_200_000).toUTCString();
const justNow = new Date().toUTCString();

/** Validators that change, are weak, or are not there, and answers to ranges that are not what was asked for. */
export const VERSIONS: readonly Row[] = [
  resumed(
    "200 to a range, with a new version: from the start",
    serve(OTHER),
    { content: OTHER },
    conditionsAre({}, REST),
  ),
  resumed(
    "200 to a range with If-Range, under the same strong tag: asked again with Range alone",
    (exchange) => serve(FILE, { ignoreRange: exchange.request.headers["if-range"] !== undefined })(exchange),
    { content: FILE },
    conditionsAre({}, REST, PLAIN_REST),
  ),
  resumed(
    "200 to a range with If-Range under the same tag, 206 to Range alone under another: never joined",
    (exchange) =>
      exchange.request.headers["if-range"] === undefined
        ? serve(OTHER, { ignoreCondition: true })(exchange)
        : serve(FILE, { ignoreRange: true })(exchange),
    { content: OTHER },
    conditionsAre({}, REST, PLAIN_REST, {}),
  ),
  resumed(
    "200 to every range, under the same tag: from the start",
    serve(FILE, { ignoreRange: true }),
    { content: FILE },
    atMost(4),
  ),
  resumed(
    "206 with another tag, whatever If-Range said: never joined",
    serve(OTHER, { ignoreCondition: true }),
    { content: OTHER },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "206 without a tag: never joined",
    serve(validated(OTHER), { ignoreCondition: true }),
    { content: OTHER },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "206 with the same tag, now weak: never joined",
    serve(validated(OTHER, { etag: 'W/"first"' }), { ignoreCondition: true }),
    { content: OTHER },
    conditionsAre({}, REST, {}),
  ),
  {
    name: "a weak tag: no range is asked for",
    script: inTurn(
      serve(validated(FILE, { etag: 'W/"v"' }), drop),
      serve(validated(OTHER, { etag: 'W/"v"' })),
    ),
    end: { content: OTHER },
    asked: wholeEachTime(2),
  },
  {
    name: "a weak tag beside an old date: no range is asked for",
    script: inTurn(
      serve(validated(FILE, { etag: 'W/"v"', modified: old }), drop),
      serve(validated(OTHER, { etag: 'W/"v"', modified: old })),
    ),
    end: { content: OTHER },
    asked: wholeEachTime(2),
  },
  {
    name: "no validator: no range is asked for",
    script: inTurn(serve(validated(FILE), drop), serve(validated(OTHER))),
    end: { content: OTHER },
    asked: wholeEachTime(2),
  },
  {
    name: "a date that is old enough to be a validator",
    script: inTurn(
      serve(validated(FILE, { modified: old }), drop),
      serve(validated(FILE, { modified: old })),
    ),
    end: { content: FILE, modified: old },
    asked: conditionsAre({}, { ...PLAIN_REST, ifRange: old }),
  },
  {
    name: "a date that is another at the next attempt: from the start",
    script: inTurn(
      serve(validated(FILE, { modified: old }), drop),
      serve(validated(OTHER, { modified: other })),
    ),
    end: { content: OTHER, modified: other },
    asked: conditionsAre({}, { ...PLAIN_REST, ifRange: old }),
  },
  {
    name: "a date of this very minute: no range is asked for",
    script: inTurn(
      serve(validated(FILE, { modified: justNow }), drop),
      serve(validated(OTHER, { modified: justNow })),
    ),
    end: { content: OTHER },
    asked: wholeEachTime(2),
  },
  resumed(
    "206 with an earlier range than was asked for: never joined",
    claiming(`bytes 0-${SIZE - 1}/${SIZE}`, FILE.bytes),
    { content: FILE },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "206 with a later range than was asked for: never joined",
    claiming(`bytes ${HALF + 1}-${SIZE - 1}/${SIZE}`, rest.subarray(1)),
    { content: FILE },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "206 with another total: never joined",
    claiming(`bytes ${HALF}-${SIZE - 1}/${SIZE + 1}`, rest),
    { content: FILE },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "206 without Content-Range: never joined",
    claiming(undefined, rest),
    { content: FILE },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "206 with a Content-Range that makes no sense: never joined",
    claiming(`bytes ${SIZE}-${HALF}/${SIZE}`, rest),
    { content: FILE },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "206 with a part of the rest: the rest of that is asked for",
    byRange(
      (exchange) =>
        exchange.count === 2
          ? claiming(`bytes ${HALF}-${HALF + 9_999}/${SIZE}`, rest.subarray(0, 10_000))(exchange)
          : serve(FILE)(exchange),
      serve(FILE),
    ),
    { content: FILE },
    conditionsAre({}, REST, { range: `bytes=${HALF + 10_000}-`, ifRange: '"first"' }),
  ),
  resumed(
    "206 whose length is not its range's: never taken for whole",
    byRange(async (exchange) => {
      await sendHead(exchange, 206, {
        "Content-Length": rest.length - 100,
        "Content-Range": `bytes ${HALF}-${SIZE - 1}/${SIZE}`,
        ETag: FILE.etag,
      });
      await sendBody(exchange, rest.subarray(0, -100));
    }, serve(FILE)),
    { content: FILE },
    undefined,
  ),
  resumed(
    "multipart/byteranges to one range: never joined",
    byRange(
      answer(
        206,
        { "Content-Type": "multipart/byteranges; boundary=b", ETag: FILE.etag },
        "--b\r\n\r\n--b--\r\n",
      ),
      serve(FILE),
    ),
    { content: FILE },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "416 to the rest: from the start",
    byRange(answer(416, { "Content-Range": "bytes */5" }), serve(OTHER)),
    { content: OTHER },
    conditionsAre({}, REST, {}),
  ),
  resumed(
    "412 to the rest",
    answer(412),
    { code: "HTTP_STATUS", detail: /412 Precondition Failed/ },
    conditionsAre({}, REST),
  ),
  {
    name: "206 to a request without Range",
    script: async (exchange) => {
      const fields = { "Content-Range": `bytes 0-${HALF - 1}/${SIZE}`, ETag: FILE.etag };
      await respond(exchange, 206, fields, FILE.bytes.subarray(0, HALF));
    },
    end: { code: "HTTP_STATUS", detail: /206 Partial Content/ },
  },
  {
    name: "an encoding in spite of identity",
    script: serve(FILE, { fields: { "Content-Encoding": "gzip" } }),
    end: { code: "CONTENT_ENCODED", detail: /encod/ },
    asked: (requests) =>
      expect(requests.map(({ headers }) => headers["accept-encoding"])).toEqual(["identity"]),
  },
  {
    name: "the identity encoding, named",
    script: serve(FILE, { fields: { "Content-Encoding": "identity" } }),
    end: { content: FILE },
  },
  resumed(
    "an encoding of the rest only: never joined",
    serve(FILE, { fields: { "Content-Encoding": "br" } }),
    { code: "CONTENT_ENCODED", detail: /encod/ },
    conditionsAre({}, REST),
  ),
  {
    name: "its own modification time",
    script: serve(validated(FILE, { modified: "Sun, 06 Nov 1994 08:49:37 GMT" })),
    end: { content: FILE, modified: "Sun, 06 Nov 1994 08:49:37 GMT" },
  },
  {
    name: "a modification time that is none",
    script: serve(validated(FILE, { modified: "yesterday" })),
    end: { content: FILE },
  },
];
