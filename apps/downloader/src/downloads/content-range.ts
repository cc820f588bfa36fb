/** Which bytes of what a 206 carries. */
export interface ContentRange {
  readonly start: number;
  /** The last byte, inclusive. */
  readonly end: number;
  /** The whole representation's length; null when the server does not know. */
  readonly total: number | null;
}

/** Reads `Content-Range: bytes 0-99/1234` (RFC 9110 §14.4); undefined for anything that is not that. */
export function parseContentRange(field: string | undefined): ContentRange | undefined {
  const [, start, end, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(field ?? "") ?? [];
  if (start === undefined || end === undefined || total === undefined) return undefined;
  const range = { start: Number(start), end: Number(end), total: total === "*" ? null : Number(total) };
  const isValid = range.start <= range.end && (range.total === null || range.end < range.total);
  return isValid ? range : undefined;
}
