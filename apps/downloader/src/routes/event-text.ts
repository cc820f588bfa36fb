import { formatCursor } from "../downloads/event-cursor.ts";
import type { DownloadEvent } from "../downloads/events.ts";
import { toBody } from "./download-schema.ts";

/** Writes an event as a stream has it (HTML, "Server-sent events"); JSON has no line breaks of its own. */
export function writeEvent(event: DownloadEvent): string {
  const id = event.cursor ? `id: ${formatCursor(event.cursor)}\n` : "";
  return `event: ${event.type}\n${id}data: ${JSON.stringify(dataOf(event))}\n\n`;
}

function dataOf(event: DownloadEvent): unknown {
  if (event.type === "removed") return { id: event.id };
  const body = toBody(event.download);
  if (event.type === "state") return body;
  const { id, bytes, total, speed, etaMs, connections } = body;
  return { id, bytes, total, speed, etaMs, connections };
}
