import { HttpError, ProblemSchema, type App } from "@wharf/service";
import { Type } from "typebox";

import { formatCursor } from "../downloads/event-cursor.ts";
import { DownloadRef, StateSchema, toBody } from "./download-schema.ts";
import type { RouteContext } from "./index.ts";
import { DOWNLOADS_URL } from "./urls.ts";

const schema = {
  summary: "List downloads, newest first",
  description:
    "The answer's `Last-Event-ID` is where to follow `/downloads/events` from, so that nothing is missed in between.",
  tags: ["downloads"],
  querystring: Type.Object({
    state: Type.Optional(StateSchema),
    q: Type.Optional(
      Type.String({
        maxLength: 1000,
        pattern: String.raw`^[^\u0000-\u001f\u007f]*$`, // neither has any, and not every database takes them
        description: "A part of the URL or of the file's path",
      }),
    ),
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 100 }),
    cursor: Type.Optional(Type.String({ description: "`next` of the page before" })),
  }),
  response: {
    200: Type.Object({
      downloads: Type.Array(DownloadRef),
      next: Type.Union([Type.String(), Type.Null()], {
        description: "The next page's cursor; null: no more",
      }),
    }),
    "4xx": ProblemSchema,
  },
};

/** `GET /downloads`. */
export function addList(app: App, { store }: RouteContext): void {
  app.get(DOWNLOADS_URL, { schema }, async (request, reply) => {
    const { state, q, limit, cursor } = request.query;
    const before = cursor === undefined ? undefined : readCursor(cursor);
    const latest = await store.latest(); // before the page: what changes meanwhile is told twice rather than not
    const page = await store.list({ state, search: q || undefined, limit, before });
    const next = page.next === undefined ? null : writeCursor(page.next);
    reply.header("last-event-id", formatCursor(latest));
    return reply.send({ downloads: page.downloads.map(toBody), next });
  });
}

function writeCursor(sequence: number): string {
  return Buffer.from(String(sequence)).toString("base64url");
}

function readCursor(cursor: string): number {
  const text = Buffer.from(cursor, "base64url").toString();
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HttpError(400, "INVALID_REQUEST", "The cursor is not one that a listing gave out.");
}
