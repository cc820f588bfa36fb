/** Numbers of at least 0 and less than 1. */
export type Random = () => number;

/** The same numbers for the same seed (mulberry32), so that what a run met with can be met with again. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number of at least 0 and less than `end`. */
export function wholeNumber(random: Random, end: number): number {
  return Math.floor(random() * end);
}

/** One of them. */
export function oneOf<T>(random: Random, choices: readonly T[]): T {
  const [first, ...others] = choices;
  if (first === undefined) throw new Error("there is nothing to choose from");
  return [first, ...others][wholeNumber(random, choices.length)] ?? first;
}

/** A number around 0, normally distributed with a deviation of 1 (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
