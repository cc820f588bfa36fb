import { parseArgs } from "node:util";

import { compare, type Comparison, type Figure } from "./compare.ts";
import { download, downloadReadings } from "./figures/download/index.ts";
import { get } from "./figures/get.ts";
import { put } from "./figures/put.ts";
import { requirePrograms } from "./program.ts";
import { read, type Reading } from "./reading.ts";
import { printComparisons, printReadings } from "./report.ts";
import { withWorkspace } from "./workspace.ts";

interface Bench {
  readonly programs: readonly string[];
  readonly figures: readonly Figure[];
  readonly readings?: readonly Reading[];
}

const BENCHES: Readonly<Record<string, Bench>> = {
  get: { programs: ["curl", "nginx"], figures: get },
  put: { programs: ["curl", "nginx"], figures: put },
  download: { programs: ["curl", "nginx", "aria2c"], figures: download, readings: downloadReadings },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "7" }, only: { type: "string", default: "" } },
});
const runs = Number(values.runs);
const unknown = positionals.filter((name) => !(name in BENCHES));
if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
  const names = Object.keys(BENCHES).join("|");
  process.stderr.write(`Usage: pnpm bench [${names}]... [--runs N] [--only TEXT-OF-TITLE]\n`);
  process.exit(2);
}

const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const chosen = names.flatMap((name) => BENCHES[name] ?? []);
const isWanted = ({ title, peer = "" }: { title: string; peer?: string }): boolean =>
  `${title}, ${peer}`.includes(values.only);
try {
  requirePrograms(chosen.flatMap(({ programs }) => programs));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

const comparisons: Comparison[] = [];
const readings: [Reading, string][] = [];
await withWorkspace(async (workspace) => {
  for (const figure of chosen.flatMap(({ figures }) => figures).filter(isWanted)) {
    process.stderr.write(`${figure.title}, ${figure.peer}: ${runs} pairs of runs\n`);
    comparisons.push(await compare(figure, workspace, runs));
  }
  for (const reading of chosen.flatMap((bench) => bench.readings ?? []).filter(isWanted)) {
    process.stderr.write(`${reading.title}\n`);
    readings.push([reading, await read(reading, workspace, runs)]);
  }
});
printComparisons(comparisons);
printReadings(readings);
