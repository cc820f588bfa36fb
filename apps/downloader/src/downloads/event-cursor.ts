import type { Cursor } from "./store.ts";

/** Writes a place in the history as an event's `id`: `<revision>-<sequence>`. */
export function formatCursor({ revision, sequence }: Cursor): string {
  return `${revision}-${sequence}`;
}

/** Reads what {@link formatCursor} wrote; undefined for anything else. */
export function parseCursor(text: string): Cursor | undefined {
  const [, ...numbers] = /^(\d{1,16})-(\d{1,16})$/.exec(text) ?? [];
  const [revision, sequence] = numbers.map(Number);
  if (!Number.isSafeInteger(revision) || !Number.isSafeInteger(sequence)) return undefined;
  return { revision: revision ?? 0, sequence: sequence ?? 0 };
}

/** Whether `a` is later in the history than `b`. */
export function isAfter(a: Cursor, b: Cursor): boolean {
  return a.revision === b.revision ? a.sequence > b.sequence : a.revision > b.revision;
}
