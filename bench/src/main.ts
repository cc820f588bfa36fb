import { parseArgs } from "node:util";

import { compare, type Figure } from "./compare.ts";
import { get } from "./figures/get.ts";
import { put } from "./figures/put.ts";
import { printTable } from "./report.ts";
import { withWorkspace } from "./workspace.ts";

const FIGURES: Readonly<Record<string, readonly Figure[]>> = { get, put };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "7" } },
});
const runs = Number(values.runs);
const unknown = positionals.filter((name) => !(name in FIGURES));
if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
  process.stderr.write(`Usage: pnpm bench [${Object.keys(FIGURES).join("|")}]... [--runs N]\n`);
  process.exit(2);
}

const chosen = positionals.length > 0 ? positionals : Object.keys(FIGURES);
const results = await withWorkspace(async (workspace) => {
  const all = [];
  for (const figure of chosen.flatMap((name) => FIGURES[name] ?? [])) {
    process.stderr.write(`${figure.title}: ${runs} pairs of runs\n`);
    all.push(await compare(figure, workspace, runs));
  }
  return all;
});
printTable(results);
