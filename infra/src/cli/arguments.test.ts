import { expect, test } from "vitest";

import { verbs as ours } from "../verbs/index.ts";
import { parseArguments } from "./arguments.ts";
import { overview, verbHelp } from "./help.ts";
import { nearest } from "./nearest.ts";
import type { Verb } from "./verb.ts";

const nothing = async () => 0 as const;
const verbs: readonly Verb[] = [
  { name: "up", summary: "Up", synopsis: "", run: nothing },
  {
    name: "node",
    summary: "Adds and removes",
    synopsis: "add|remove NODE",
    options: { force: { type: "boolean", short: "f" }, timeout: { type: "string" } },
    descriptions: { force: "in any case", timeout: "seconds" },
    run: nothing,
  },
  { name: "kubectl", summary: "Passes on", synopsis: "", passesOn: true, run: nothing },
];
const parse = (line: string) => parseArguments(line.split(" ").filter(Boolean), verbs);

test("options stand before or after the verb", () => {
  const all = { isDryRun: true, isJson: true, isVerbose: true, isYes: true };
  expect(parse("-i a.yaml -n --json up -v --yes")).toMatchObject({ inventory: "a.yaml", options: all });
  expect(parse("up --inventory=a.yaml --dry-run --json --verbose -y")).toMatchObject({
    inventory: "a.yaml",
    options: all,
  });
  expect(parse("--inventory node node add b --force")).toMatchObject({
    verb: verbs[1],
    inventory: "node",
    positionals: ["add", "b"],
    values: { force: true },
  });
});

test.each([
  ["kubectl get pods -n x --json", "get pods -n x --json", {}],
  ["-v kubectl -- -A", "-A", { isVerbose: true }],
  ["kubectl --verbose --inventory b.yaml get -l a=b", "get -l a=b", { isVerbose: true }],
  ["kubectl --inventory=b.yaml --yes --follow --yes", "--follow --yes", { isYes: true }],
  ["kubectl", "", {}],
])("%s: what follows is another program's", (line, rest, options) => {
  const parsed = parse(line);
  expect(parsed.positionals.join(" ")).toBe(rest);
  expect(parsed.options).toMatchObject({ isVerbose: false, isYes: false, isJson: false, ...options });
  expect(parsed.inventory).toBe(line.includes("b.yaml") ? "b.yaml" : undefined);
});

test.each([
  ["pu", 'there is no verb "pu": did you mean "up"?'],
  ["kubeclt", 'there is no verb "kubeclt": did you mean "kubectl"?'],
  ["whatever", 'there is no verb "whatever"'],
  ["up --jsn", 'there is no option --jsn: did you mean "--json"?'],
  ["up --force", "there is no option --force"],
  ["node --fourc", 'there is no option --fourc: did you mean "--force"?'],
  ["node -x", "there is no option -x"],
  ["node --timeout", "Option '--timeout <value>' argument missing"],
  ["up --json=yes", "Option '--json' does not take an argument"],
  ["", "which verb?"],
  ["--json", "which verb?"],
])("%s is wrong use", (line, message) => {
  expect(() => parse(line)).toThrow(expect.objectContaining({ code: "USAGE", message }));
});

test("help lists the verbs, and a verb's options with what they do", () => {
  expect(overview(verbs)).toContain("  node     Adds and removes\n");
  const text = verbHelp(verbs[1] as Verb);
  expect(text).toContain("Usage: pnpm cluster node add|remove NODE\n\nAdds and removes\n");
  expect(text).toMatch(/\n {2}-f, --force +in any case\n {6}--timeout VALUE +seconds\n/);
});

test("every verb of ours describes each of its options, and nothing it does not have", () => {
  for (const { name, options = {}, descriptions = {} } of ours) {
    expect({ [name]: Object.keys(descriptions).toSorted() }).toEqual({
      [name]: Object.keys(options).toSorted(),
    });
  }
});

test.each([
  ["inventroy", ["inventory", "json"], "inventory"],
  ["PORT", ["port", "user"], "port"],
  ["x", ["port", "user"], undefined],
  ["verbosity", ["verbose"], "verbose"],
])("the nearest to %s of %j is %s", (word, candidates, expected) => {
  expect(nearest(word, candidates)).toBe(expected);
});
