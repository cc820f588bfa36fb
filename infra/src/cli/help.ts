import type { Verb } from "./verb.ts";

const COMMON = `  -i, --inventory FILE   the cluster's description; cluster.yaml in the current folder unless given
  -n, --dry-run          only say what would change
      --json             one JSON document on standard output, at the end
  -v, --verbose          show what the nodes print
  -y, --yes              answer every question with yes
  -h, --help             this text, or a verb's
`;

const STATUSES = "Exit status: 0 done, 1 failed or interrupted, 2 wrong use or inventory.\n";

/** What `help` prints without a verb. */
export function overview(verbs: readonly Verb[]): string {
  const width = Math.max(...verbs.map((verb) => verb.name.length)) + 2;
  const lines = verbs.map((verb) => `  ${verb.name.padEnd(width)}${verb.summary}\n`);
  return `Usage: pnpm cluster <verb> [options]

${lines.join("")}
Options of every verb:
${COMMON}
\`pnpm cluster help <verb>\` tells more of one. ${STATUSES}`;
}

/** What `help VERB` prints. */
export function verbHelp(verb: Verb): string {
  const described = Object.entries(verb.options ?? {}).map(([name, { type, short }]) => {
    const long = `--${name}${type === "string" ? " VALUE" : ""}`;
    return [
      `${short === undefined ? "   " : `-${short},`} ${long}`,
      verb.descriptions?.[name] ?? "",
    ] as const;
  });
  // As wide as the common options below, or wider.
  const width = Math.max(21, ...described.map(([option]) => option.length));
  const own = described.map(([option, text]) => `  ${option.padEnd(width)}  ${text}`.trimEnd());
  const synopsis = ["Usage: pnpm cluster", verb.name, verb.synopsis].filter(Boolean).join(" ");
  const options = own.length > 0 ? `\nOptions:\n${own.join("\n")}\n` : "";
  return `${synopsis}\n\n${verb.summary}\n${options}\nOptions of every verb:\n${COMMON}\n${STATUSES}`;
}
