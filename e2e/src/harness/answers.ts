import { STATUS_CODES } from "node:http";

import type { Exchange, Fields } from "./exchange.ts";
import type { Script } from "./misbehaving.ts";

/** One version of a file at its source. */
export interface Version {
  readonly bytes: Buffer;
  /** With its quotes, and `W/` before a weak one. */
  readonly etag?: string;
  /** An HTTP date. */
  readonly modified?: string;
}

/** In what way a version's bytes are sent. */
export interface Manner {
  /** Beyond what a good server sends, or in place of it. */
  readonly fields?: Fields;
  /** Ends the connection after so many bytes of the body. */
  readonly closeAfter?: number;
  /** Breaks it off after so many. */
  readonly resetAfter?: number;
  /** Goes silent after so many. */
  readonly stallAfter?: number;
  /** Sends so many bytes at a time, with a pause between. */
  readonly pace?: { readonly bytes: number; readonly everyMs: number };
  /** Answers every range in the affirmative, whatever `If-Range` says. */
  readonly ignoreCondition?: boolean;
  /** Knows nothing of ranges. */
  readonly ignoreRange?: boolean;
}

/** Answers as a good file server does (RFC 9110 §14), but for what the manner says. */
export function serve(version: Version, manner: Manner = {}): Script {
  return async (exchange) => {
    const { bytes: content } = version;
    const range = manner.ignoreRange ? undefined : wantedRange(exchange, version, manner);
    if (range && range.start >= content.length) {
      return respond(exchange, 416, { "Content-Range": `bytes */${content.length}` });
    }
    const { start, end } = range ?? { start: 0, end: content.length };
    await sendHead(exchange, range ? 206 : 200, {
      "Content-Length": end - start,
      "Content-Range": range && `bytes ${start}-${end - 1}/${content.length}`,
      "Accept-Ranges": manner.ignoreRange ? undefined : "bytes",
      ETag: version.etag,
      "Last-Modified": version.modified,
      ...manner.fields,
    });
    await sendBody(exchange, content.subarray(start, end), manner);
  };
}

/** The bytes asked for, from `start` up to `end`; undefined when everything is to be sent. */
function wantedRange(
  { request }: Exchange,
  version: Version,
  { ignoreCondition }: Manner,
): { start: number; end: number } | undefined {
  const [, start, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers["range"] ?? "") ?? [];
  if (start === undefined) return undefined;
  const condition = request.headers["if-range"];
  const isMet = condition === undefined || condition === (version.etag ?? version.modified);
  if (!isMet && !ignoreCondition) return undefined;
  const end = last ? Math.min(Number(last) + 1, version.bytes.length) : version.bytes.length;
  return { start: Number(start), end };
}

/** Sends a body in the given manner, and ends the connection. */
export async function sendBody(exchange: Exchange, body: Buffer, manner: Manner = {}): Promise<void> {
  const { closeAfter, resetAfter, stallAfter, pace } = manner;
  const limit = closeAfter ?? resetAfter ?? stallAfter ?? body.length;
  const sent = body.subarray(0, limit);
  const step = pace?.bytes ?? Math.max(1, sent.length);
  for (let at = 0; at < sent.length; at += step) {
    await exchange.send(sent.subarray(at, at + step));
    if (pace) await exchange.pause(pace.everyMs);
  }
  if (limit < body.length && resetAfter !== undefined) return exchange.reset();
  if (limit < body.length && stallAfter !== undefined) return exchange.stall();
  exchange.end();
}

/** Sends a head with what every answer has; the connection is not to be used again. */
export function sendHead(exchange: Exchange, status: number, fields: Fields = {}): Promise<void> {
  const always = { Date: new Date().toUTCString(), Connection: "close" };
  return exchange.sendHead(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`, { ...always, ...fields });
}

/** Sends a whole answer, and ends the connection. */
export async function respond(
  exchange: Exchange,
  status: number,
  fields: Fields = {},
  body: string | Buffer = "",
): Promise<void> {
  const hasLength = status >= 200 && status !== 204 && status !== 304;
  await sendHead(exchange, status, { ...(hasLength && { "Content-Length": body.length }), ...fields });
  if (body.length > 0) await exchange.send(body);
  exchange.end();
}

/** The same answer to every request. */
export function answer(status: number, fields: Fields = {}, body: string | Buffer = ""): Script {
  return (exchange) => respond(exchange, status, fields, body);
}

/** Exactly these bytes to every request, and then the end of the connection. */
export function bytes(...parts: (string | Buffer)[]): Script {
  return async (exchange) => {
    for (const part of parts) await exchange.send(part);
    exchange.end();
  };
}

/** The first script for the first request, and so on; the last one for all that follow. */
export function inTurn(...scripts: [Script, ...Script[]]): Script {
  const [first] = scripts;
  return (exchange) => (scripts[exchange.count - 1] ?? scripts.at(-1) ?? first)(exchange);
}

/** One script for requests with `Range`, another for those without. */
export function byRange(withRange: Script, without: Script): Script {
  return (exchange) => (exchange.request.headers["range"] === undefined ? without : withRange)(exchange);
}
