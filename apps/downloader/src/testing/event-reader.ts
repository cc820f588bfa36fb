import { onTestFinished, vi } from "vitest";

import type { DownloadBody } from "../routes/download-schema.ts";

/** An event as a client reads it. */
export interface ReadEvent {
  readonly type: string;
  readonly id: string;
  readonly data: DownloadBody;
}

/** A client that follows downloads, over a real socket. */
export interface EventReader {
  readonly status: number;
  readonly headers: Headers;
  /** Everything that came, as it came. */
  readonly text: () => string;
  readonly events: () => readonly ReadEvent[];
  /** Resolves to the first event for which `is` holds. */
  until(is: (event: ReadEvent) => boolean, withinMs?: number): Promise<ReadEvent>;
  /** Resolves when the server has ended the stream: false when it was cut off. */
  readonly ended: Promise<boolean>;
  close(): void;
}

/** Follows `url`, from an event on; let go of when the test ends. */
export async function readEvents(url: string, lastEventId?: string): Promise<EventReader> {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(url, {
    signal: abort.signal,
    ...(lastEventId !== undefined && { headers: { "last-event-id": lastEventId } }),
  });
  let text = "";
  const events: ReadEvent[] = [];
  let rest = "";
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const part = decoder.decode(chunk, { stream: true });
      text += part;
      const blocks = (rest + part).split("\n\n");
      rest = blocks.pop() ?? "";
      events.push(...blocks.flatMap(parse));
    }
  };
  return {
    status: response.status,
    headers: response.headers,
    text: () => text,
    events: () => events,
    until: (is, timeout = 5_000) =>
      vi.waitFor(
        () => {
          const found = events.find(is);
          if (!found) throw new Error(`no such event among ${events.length}: ${text.slice(-1000)}`);
          return found;
        },
        { timeout, interval: 10 },
      ),
    ended: read().then(
      () => true,
      () => false,
    ),
    close: () => abort.abort(),
  };
}

function parse(block: string): ReadEvent[] {
  const fields = new Map(
    block.split("\n").map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).replace(/^ /, "")];
    }),
  );
  const type = fields.get("event");
  if (type === undefined) return []; // a comment, or how soon to come back
  return [{ type, id: fields.get("id") ?? "", data: JSON.parse(fields.get("data") ?? "") as DownloadBody }];
}
