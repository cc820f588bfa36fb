import { addRange, type ByteRange } from "./ranges.ts";

/** A part of the file that a connection is bringing. */
export interface Segment {
  /** The next byte to come. */
  readonly position: number;
  /** Where the part ends now. */
  readonly end: number;
  /** How far the request behind it goes: the part may grow that far again. */
  readonly askedEnd: number;
  /** Bytes a second; 0 while it cannot be told. */
  readonly speed: number;
  /** Ends the part elsewhere: beyond {@link position}, and not beyond {@link askedEnd}. */
  resize(end: number): void;
}

/** Below this no part is worth a connection of its own. */
const MIN_PART_BYTES = 1 << 20;
/** But for what a slow connection would still need this long for; then a smaller part will do. */
const SLOW_MS = 5_000;
const MIN_SLOW_PART_BYTES = 64 << 10;

/** Which bytes nobody is bringing yet, and whose part to take from when there are none. */
export class SegmentPlan {
  #gaps: ByteRange[];

  constructor(gaps: readonly ByteRange[]) {
    this.#gaps = [...gaps];
  }

  /** Whether every byte is there or somebody's. */
  get isHandedOut(): boolean {
    return this.#gaps.length === 0;
  }

  /**
   * What another connection should bring: the largest gap, else the second half of the part that would be the last to
   * be complete; undefined when nothing is worth it.
   */
  take(segments: Iterable<Segment>): ByteRange | undefined {
    const [gap] = this.#gaps.toSorted((a, b) => b.end - b.start - (a.end - a.start));
    if (gap) {
      this.#gaps = this.#gaps.filter((each) => each !== gap);
      return gap;
    }
    const [last] = [...segments].filter(isDivisible).toSorted((a, b) => msToGo(b) - msToGo(a));
    if (!last) return undefined;
    const { position, end } = last;
    const middle = position + Math.ceil((end - position) / 2);
    last.resize(middle);
    return { start: middle, end };
  }

  /** Takes back what could not be brought: for the connection before it, if that would have come there, or a gap. */
  giveBack(range: ByteRange, segments: Iterable<Segment>): void {
    if (range.end <= range.start) return;
    const before = [...segments].find(({ end, askedEnd }) => end === range.start && askedEnd >= range.end);
    if (before) before.resize(range.end);
    else this.#gaps = addRange(this.#gaps, range);
  }
}

function isDivisible(segment: Segment): boolean {
  const half = (segment.end - segment.position) / 2;
  return half >= MIN_PART_BYTES || (half >= MIN_SLOW_PART_BYTES && msToGo(segment) >= SLOW_MS);
}

/** How long a part will take; of connections whose speed is unknown the same is assumed. */
function msToGo({ position, end, speed }: Segment): number {
  return ((end - position) / Math.max(speed, 1)) * 1000;
}
