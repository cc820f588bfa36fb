import { Readable } from "node:stream";

import type { Entry, Volume, VolumePath } from "@wharf/volume";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";

import { preferredType } from "../http/accept.ts";
import { readCursor, writeCursor } from "../http/cursor.ts";
import { INDEX_SECURITY_POLICY, renderIndex } from "../http/html-index.ts";

/** How a directory is listed. */
export const ListQuery = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 1_000, description: "Entries on a page" }),
  cursor: Type.Optional(Type.String({ maxLength: 2_048, description: "The `next` of the page before" })),
  sort: Type.Union([Type.Literal("name"), Type.Literal("size"), Type.Literal("modified")], {
    default: "name",
  }),
  order: Type.Union([Type.Literal("asc"), Type.Literal("desc")], { default: "asc" }),
});

/** Answers with a directory in the form that was asked for. */
export async function sendDirectory(
  volume: Volume,
  path: VolumePath,
  query: Static<typeof ListQuery>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.headers({
    vary: "accept",
    "cache-control": "private, no-cache",
    "x-content-type-options": "nosniff",
  });
  const form = preferredType(request.headers.accept, [
    "text/html",
    "application/json",
    "application/x-ndjson",
  ]);
  if (form === "application/x-ndjson") {
    const batches = volume.scan(path);
    const first = await batches.next(); // a directory that is not there is told before the answer begins
    const lines = Readable.from(ndjson(first.value ?? [], batches));
    // One that ends before it was read from never gets to close what it reads.
    lines.once("close", () => void batches.return(undefined).catch(() => undefined));
    return reply.type("application/x-ndjson").send(lines);
  }
  const { sort, order, limit } = query;
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor, sort);
  const page = await volume.list(path, { sort, order, limit, after });
  const next = page.next && writeCursor(page.next);
  if (form === "application/json") {
    const entries = page.entries.map(toJson);
    return reply.send({ path: path.toString(), entries, next: next ?? null });
  }
  reply.header("content-security-policy", INDEX_SECURITY_POLICY);
  const nextQuery = next && `?sort=${sort}&order=${order}&limit=${limit}&cursor=${next}`;
  return reply.type("text/html; charset=utf-8").send(renderIndex(path, page.entries, nextQuery));
}

async function* ndjson(first: Entry[], rest: AsyncGenerator<Entry[]>): AsyncGenerator<string> {
  yield toLines(first);
  for await (const batch of rest) yield toLines(batch);
}

function toLines(entries: Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(toJson(entry))}\n`).join("");
}

function toJson({ name, type, size, modifiedMs, etag }: Entry) {
  return { name, type, size, modified: new Date(modifiedMs).toISOString(), etag };
}
