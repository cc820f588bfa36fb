/** How much the latest measurement counts against those before it. */
const WEIGHT = 0.4;

/** Bytes a second, smoothed so that a person can read it. */
export class SpeedMeter {
  #bytes: number;
  #atMs: number;
  #speed: number | undefined;

  constructor(bytes: number, atMs: number) {
    this.#bytes = bytes;
    this.#atMs = atMs;
  }

  /** Takes a measurement: so many bytes by now. Returns whole bytes a second. */
  measure(bytes: number, atMs: number): number {
    const seconds = (atMs - this.#atMs) / 1000;
    if (seconds > 0) {
      // Fewer bytes than before: the transfer has started over.
      const now = Math.max(0, bytes - this.#bytes) / seconds;
      this.#speed = this.#speed === undefined ? now : WEIGHT * now + (1 - WEIGHT) * this.#speed;
      this.#bytes = bytes;
      this.#atMs = atMs;
    }
    return Math.round(this.#speed ?? 0);
  }
}
