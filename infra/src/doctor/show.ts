import type { Finding } from "./finding.ts";

/** Findings as a person reads them: what is wrong first, then what is well, in a line for each place. */
export function showFindings(findings: readonly Finding[]): string {
  const bad = findings
    .filter(({ level }) => level !== "ok")
    .toSorted((one, other) => rank(one) - rank(other));
  const lines = bad.flatMap(({ where, check, level, text, fix }) => [
    `${level.padEnd(8)} ${where}: ${check}: ${text}`,
    ...(fix === undefined ? [] : [`         fix: ${fix}`]),
  ]);
  const errors = bad.filter(({ level }) => level === "error").length;
  const well = findings.length - bad.length;
  return [
    ...lines,
    ...(bad.length === 0 ? [] : [""]),
    `${count(errors, "error")}, ${count(bad.length - errors, "warning")}; ${well} checks are well.`,
  ].join("\n");
}

/** What is well, in a line for each check of each place: for `--verbose`. */
export function showWell(findings: readonly Finding[]): string {
  return findings
    .filter(({ level }) => level === "ok")
    .map(({ where, check, text }) => `ok       ${where}: ${check}: ${text}`)
    .join("\n");
}

function rank({ level }: Finding): number {
  return level === "error" ? 0 : 1;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
