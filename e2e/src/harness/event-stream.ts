import type { Download } from "./downloads.ts";
import { until } from "./pace.ts";

/** What a service sent of itself; `data` is JSON. */
export interface ServerEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Download;
}

/** A stream of server-sent events (HTML Living Standard §9.2) that is being read. */
export interface EventStream {
  /** All that have come so far. */
  readonly events: readonly ServerEvent[];
  /** Waits for one that has come or comes. */
  find(what: string, isWanted: (event: ServerEvent) => boolean, limitMs?: number): Promise<ServerEvent>;
  close(): void;
}

/** Opens a stream, after the event of that id if there is one. */
export async function openEvents(url: string, lastEventId?: string): Promise<EventStream> {
  const end = new AbortController();
  const headers = {
    accept: "text/event-stream",
    ...(lastEventId !== undefined && { "last-event-id": lastEventId }),
  };
  const response = await fetch(url, { headers, signal: end.signal });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`${url}: ${response.status} ${await response.text()}`);
  }
  const events: ServerEvent[] = [];
  // It ends with the replica, or when it is closed.
  read(response.body, events).catch(() => undefined);
  return {
    events,
    find: async (what, isWanted, limitMs = 15_000) => {
      let found: ServerEvent | undefined;
      await until(what, () => (found = events.find(isWanted)) !== undefined, limitMs);
      if (!found) throw new Error(what);
      return found;
    },
    close: () => end.abort(),
  };
}

async function read(body: ReadableStream<Uint8Array>, events: ServerEvent[]): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    events.push(...blocks.flatMap((block) => parse(block) ?? []));
  }
}

/** One event; undefined for a comment, or a block without data. */
function parse(block: string): ServerEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split("\n")) {
    const [, name, value] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name, value);
  }
  const data = fields.get("data");
  if (data === undefined) return undefined;
  return {
    id: fields.get("id") ?? "",
    type: fields.get("event") ?? "message",
    data: JSON.parse(data) as Download,
  };
}

/** The order of two ids, `<revision>-<sequence>`: negative when the first is earlier. */
export function compareIds(one: string, other: string): number {
  const [revision = NaN, sequence = NaN] = one.split("-").map(Number);
  const [otherRevision = NaN, otherSequence = NaN] = other.split("-").map(Number);
  return revision - otherRevision || sequence - otherSequence;
}
