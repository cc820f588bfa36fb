import { addRange, withoutRange, type ByteRange } from "./ranges.ts";

/** A part of the file that a connection is bringing. */
export interface Segment {
  /** The next byte to come. */
  readonly position: number;
  /** Where the part ends now. */
  readonly end: number;
  /** Bytes a second; 0 while it cannot be told. */
  readonly speed: number;
  /** Leaves what is beyond `end` to others. */
  shorten(end: number): void;
}

/** Below this no part is worth a connection of its own. */
const MIN_PART_BYTES = 1 << 20;
/** But for what a slow connection would still need this long for; then a smaller part will do. */
const SLOW_MS = 5_000;
const MIN_SLOW_PART_BYTES = 64 << 10;

/**
 * Which bytes nobody is bringing yet, and whose part to take from when there are none. A part stays with who has it
 * until the source has answered whoever asks for its half: it may not want another connection.
 */
export class SegmentPlan {
  #gaps: readonly ByteRange[];
  /** What was offered, and whose it is until it is accepted; undefined for gaps. */
  readonly #offered = new Map<ByteRange, Segment | undefined>();

  constructor(gaps: readonly ByteRange[]) {
    this.#gaps = gaps;
  }

  /**
   * What another connection should ask for: the largest gap, else the second half of the part that would be the last
   * to be complete; undefined when nothing is worth it. It is to be accepted or refused.
   */
  offer(segments: readonly Segment[]): ByteRange | undefined {
    return this.#offerGap() ?? this.#offerHalf(segments);
  }

  #offerGap(): ByteRange | undefined {
    const [gap] = this.#gaps.toSorted((a, b) => b.end - b.start - (a.end - a.start));
    if (!gap) return undefined;
    this.#gaps = withoutRange(this.#gaps, gap);
    this.#offered.set(gap, undefined);
    return gap;
  }

  #offerHalf(segments: readonly Segment[]): ByteRange | undefined {
    const parts = segments.map((segment) => ({ segment, left: this.#leftOf(segment) }));
    const [last] = parts
      .filter(({ segment, left }) => isDivisible(left, segment.speed))
      .toSorted((a, b) => msToGo(b.left, b.segment.speed) - msToGo(a.left, a.segment.speed));
    if (!last) return undefined;
    const { start, end } = last.left;
    const half = { start: start + Math.ceil((end - start) / 2), end };
    this.#offered.set(half, last.segment);
    return half;
  }

  /** What a part would still have to do if all that was offered of it were accepted. */
  #leftOf(segment: Segment): ByteRange {
    const starts = this.#offeredOf(segment).map(({ start }) => start);
    return { start: segment.position, end: Math.min(segment.end, ...starts) };
  }

  #offeredOf(segment: Segment): ByteRange[] {
    return [...this.#offered].filter(([, of]) => of === segment).map(([range]) => range);
  }

  /** The source brings it; false when it came too late, and others are bringing some of it. */
  accept(range: ByteRange, segments: readonly Segment[]): boolean {
    const segment = this.#offered.get(range);
    this.#offered.delete(range);
    if (!segment) return true;
    if (segments.includes(segment)) return this.#cut(segment, range);
    const isGap = this.#gaps.some(({ start, end }) => start <= range.start && end >= range.end);
    if (isGap) this.#gaps = withoutRange(this.#gaps, range);
    return isGap;
  }

  #cut(segment: Segment, range: ByteRange): boolean {
    if (segment.position > range.start || segment.end < range.end) return false;
    // What is behind it is out of the connection's reach now.
    this.giveBack({ start: range.end, end: segment.end });
    for (const other of this.#offeredOf(segment).filter(({ start }) => start >= range.end)) {
      this.#offered.set(other, undefined);
      this.#gaps = withoutRange(this.#gaps, other);
    }
    segment.shorten(range.start);
    return true;
  }

  /** The source does not bring it. */
  refuse(range: ByteRange): void {
    const isGap = this.#offered.has(range) && this.#offered.get(range) === undefined;
    this.#offered.delete(range);
    if (isGap) this.giveBack(range);
  }

  /** Nobody is bringing these bytes any more. */
  giveBack(range: ByteRange): void {
    this.#gaps = addRange(this.#gaps, range);
  }
}

function isDivisible(left: ByteRange, speed: number): boolean {
  const half = (left.end - left.start) / 2;
  return half >= MIN_PART_BYTES || (half >= MIN_SLOW_PART_BYTES && msToGo(left, speed) >= SLOW_MS);
}

/** How long a part will take; of connections whose speed is unknown the same is assumed. */
function msToGo({ start, end }: ByteRange, speed: number): number {
  return ((end - start) / Math.max(speed, 1)) * 1000;
}
