import type { Comparison, Result } from "./compare.ts";

/** Prints the figures as a Markdown table, for `bench/README.md` to keep. */
export function printTable(comparisons: readonly Comparison[]): void {
  const rows = comparisons.map(
    ({ title, peer, ratio, ours, theirs }) =>
      `| ${title} | ${peer} | **${ratio.median.toFixed(2)}** (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)}) ` +
      `| ${describe(ours)} | ${describe(theirs)} |`,
  );
  const head =
    "| figure | peer | ratio: median (min to max) | Wharf | peer |\n| --- | --- | --- | --- | --- |";
  process.stdout.write(`${[head, ...rows].join("\n")}\n`);
}

function describe({ bytesPerSecond, cpuSecondsPerGiB }: Result): string {
  return `${Math.round(bytesPerSecond / 2 ** 20)} MiB/s, ${cpuSecondsPerGiB.toFixed(2)} CPU s/GiB`;
}
