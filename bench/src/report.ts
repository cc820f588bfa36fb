import type { Comparison, Result, Spread, Work } from "./compare.ts";
import type { Reading } from "./reading.ts";

/** Prints the figures as a Markdown table, for `bench/README.md` to keep. */
export function printComparisons(comparisons: readonly Comparison[]): void {
  printTable(
    ["figure", "peer", "ratio: median (min to max)", "Wharf", "peer"],
    comparisons.map(({ figure: { title, peer, work }, ratio, ours, theirs }) => [
      title,
      peer,
      `**${ratio.median.toFixed(2)}** (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`,
      describe(ours, work),
      describe(theirs, work),
    ]),
  );
}

/** Prints what was measured against limits as a Markdown table. */
export function printReadings(readings: readonly (readonly [Reading, string])[]): void {
  printTable(
    ["figure", "measured", "wanted"],
    readings.map(([{ title, wanted }, measured]) => [title, measured, wanted]),
  );
}

/** `**12 ms** (11 to 14)`. */
export function describeSpread({ median, min, max }: Spread, unit = "", digits = 0): string {
  return `**${median.toFixed(digits)}${unit}** (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

function describe({ perSecond, cpuSeconds }: Result, { unit, cpuUnit }: Work): string {
  return `${Math.round(perSecond)} ${unit}/s, ${cpuSeconds.toFixed(2)} CPU s/${cpuUnit}`;
}

function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  if (rows.length === 0) return;
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  process.stdout.write(`${lines.join("\n")}\n\n`);
}
