/** Bytes from `start` up to, but not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Adds a range to others; the result is in order, and nothing in it overlaps or touches. */
export function addRange(ranges: readonly ByteRange[], added: ByteRange): ByteRange[] {
  if (added.end <= added.start) return [...ranges];
  const before = ranges.filter(({ end }) => end < added.start);
  const after = ranges.filter(({ start }) => start > added.end);
  const joined = ranges.filter(({ start, end }) => end >= added.start && start <= added.end);
  const start = Math.min(added.start, joined[0]?.start ?? added.start);
  const end = Math.max(added.end, joined.at(-1)?.end ?? added.end);
  return [...before, { start, end }, ...after];
}

/** What is missing of the bytes up to `total`, in order. */
export function gapsIn(ranges: readonly ByteRange[], total: number): ByteRange[] {
  const gaps: ByteRange[] = [];
  let at = 0;
  for (const { start, end } of ranges) {
    if (start > at) gaps.push({ start: at, end: Math.min(start, total) });
    at = Math.max(at, end);
  }
  if (at < total) gaps.push({ start: at, end: total });
  return gaps;
}

/** How many bytes there are in all. */
export function countBytes(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Where the last of them ends. */
export function endOf(ranges: readonly ByteRange[]): number {
  return ranges.at(-1)?.end ?? 0;
}

/** What is left of ranges without the bytes of another one. */
export function withoutRange(ranges: readonly ByteRange[], removed: ByteRange): ByteRange[] {
  return ranges.flatMap(({ start, end }) =>
    [
      { start, end: Math.min(end, removed.start) },
      { start: Math.max(start, removed.end), end },
    ].filter((part) => part.start < part.end),
  );
}
