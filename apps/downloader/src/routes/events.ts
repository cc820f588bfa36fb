import { Readable } from "node:stream";

import { HttpError, ProblemSchema, type App } from "@wharf/service";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";

import type { Download } from "../downloads/download.ts";
import { DownloadUnknownError } from "../downloads/errors.ts";
import { isAfter, parseCursor } from "../downloads/event-cursor.ts";
import { EventStream } from "../downloads/event-stream.ts";
import { EventHub } from "../downloads/events.ts";
import type { Cursor, DownloadStore } from "../downloads/store.ts";
import { readId } from "./download-id.ts";
import { writeEvent } from "./event-text.ts";
import type { RouteContext } from "./index.ts";
import { DOWNLOAD_EVENTS_URL, EVENTS_URL } from "./urls.ts";

const common = {
  tags: ["downloads"],
  querystring: Type.Object({
    lastEventId: Type.Optional(
      Type.String({ description: "As the header, for those who cannot set it the first time" }),
    ),
  }),
  headers: Type.Object({
    "last-event-id": Type.Optional(
      Type.String({
        description:
          "The `id` of the last event that had one, from whichever replica. Removals are told for 24 hours.",
      }),
    ),
  }),
  response: {
    200: {
      description:
        "`state`: a download as it is now. `progress`: how far it is, at most four times a second. `removed`: it is gone. A comment every 15 seconds.",
      content: { "text/event-stream": { schema: Type.String() } },
    },
    "4xx": ProblemSchema,
  },
};

const allSchema = {
  ...common,
  summary: "Follow all downloads",
  description: "Begins with those that run; with `Last-Event-ID`, with what has changed since.",
};

const oneSchema = {
  ...common,
  summary: "Follow a download",
  description: "Begins with how it is now; with `Last-Event-ID`, if it has changed since.",
  params: Type.Object({ id: Type.String() }),
};

const HEADERS = { "cache-control": "no-store", "x-accel-buffering": "no" };
/** How soon a client that was cut off comes back. */
const RETRY = "retry: 1000\n\n";
const RUNNING_PAGE = 200;

/** `GET /downloads/events` and `GET /downloads/{id}/events`. */
export function addEvents(app: App, { store }: RouteContext): void {
  const hub = new EventHub(store, writeEvent, app.log);
  // Before the server waits for its responses: these would never end.
  app.addHook("preClose", async () => hub.close());

  app.get(EVENTS_URL, { schema: allSchema }, async (request, reply) => {
    const { since, latest } = await readPosition(request, store);
    return answer(request, reply, async (stream) => {
      if (!since) await sendRunning(stream, store, latest);
      await hub.follow(stream, since ?? latest);
    });
  });

  app.get(DOWNLOAD_EVENTS_URL, { schema: oneSchema }, async (request, reply) => {
    const { since, latest } = await readPosition(request, store);
    const id = readId(request.params);
    const download = await store.get(id);
    if (!download && !(since && (await isRemovedAfter(since, id, store)))) throw new DownloadUnknownError(id);
    return answer(request, reply, async (stream) => {
      if (!since && download) await sendState(stream, download, latest);
      await hub.follow(stream, since ?? latest, id);
    });
  });
}

/**
 * Where the client was, and where the history is. An id from after its end is of a history that is no more: whoever
 * comes with it begins anew.
 */
async function readPosition(
  request: FastifyRequest,
  store: DownloadStore,
): Promise<{ since: Cursor | undefined; latest: Cursor }> {
  const { lastEventId } = request.query as { lastEventId?: string };
  const text = request.headers["last-event-id"] ?? lastEventId ?? "";
  const since = text === "" ? undefined : parseCursor(String(text));
  if (text !== "" && !since) {
    throw new HttpError(400, "INVALID_REQUEST", "The Last-Event-ID is not one that an event had.");
  }
  const latest = await store.latest();
  return { since: since && !isAfter(since, latest) ? since : undefined, latest };
}

/** Whoever has been told of the removal already would wait for what never comes. */
async function isRemovedAfter(since: Cursor, id: string, store: DownloadStore): Promise<boolean> {
  const removedAt = await store.wasRemoved(id);
  return removedAt !== undefined && isAfter(removedAt, since);
}

function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  send: (stream: EventStream) => Promise<void>,
): FastifyReply {
  reply.headers(HEADERS).type("text/event-stream");
  if (request.method === "HEAD") return reply.send(Readable.from([]));
  const stream = new EventStream(reply.raw);
  stream.send(RETRY);
  send(stream).catch((error: unknown) => {
    request.log.warn({ err: error }, "events could not be sent");
    stream.destroy(); // the client comes back, and says what it had seen
  });
  return reply.send(stream);
}

/**
 * Only the last one has an id, by which clients go on: one that is cut off before it has not got all of them, and begins
 * anew.
 */
async function sendRunning(stream: EventStream, store: DownloadStore, latest: Cursor): Promise<void> {
  let held: Download | undefined;
  for await (const download of running(store)) {
    if (stream.isOver) return;
    if (held) await sendState(stream, held);
    held = download;
  }
  if (held) await sendState(stream, held, latest);
}

async function sendState(stream: EventStream, download: Download, cursor?: Cursor): Promise<void> {
  stream.send(writeEvent({ cursor, type: "state", download }));
  await stream.drained();
}

async function* running(store: DownloadStore): AsyncGenerator<Download> {
  for (let before: number | undefined, isLast = false; !isLast;) {
    const page = await store.list({ state: "running", limit: RUNNING_PAGE, before });
    yield* page.downloads;
    before = page.next;
    isLast = before === undefined;
  }
}
