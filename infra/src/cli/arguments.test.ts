import { expect, test } from "vitest";

import { verbs as ours } from "../verbs/index.ts";
import { type Arguments, parseArguments, refuseOptions, wantsJson } from "./arguments.ts";
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
    takesWords: true,
    options: {
      force: { type: "boolean", short: "f" },
      timeout: { type: "string" },
      "something-longer": { type: "string" },
    },
    descriptions: { force: "in any case", timeout: "seconds", "something-longer": "whatever" },
    run: nothing,
  },
  { name: "kubectl", summary: "Passes on", synopsis: "", passesOn: true, attaches: true, run: nothing },
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
  const parsed = parse(line) as Arguments;
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
  ["up k8s-worker", 'up: what is "k8s-worker"?'],
  ["up -- -n", 'up: what is "-n"?'],
  ["kubectl --json get pods", "kubectl shows what another program prints: there is no --json"],
])("%s is wrong use", (line, message) => {
  expect(() => parse(line)).toThrow(expect.objectContaining({ code: "USAGE", message }));
});

test.each(["--help", "-h", "-i x --help"])("%s without a verb is about all of them", (line) => {
  expect(parse(line)).toBeUndefined();
});

test("help is given whatever else there is", () => {
  expect(parse("up x --help")).toMatchObject({ isHelp: true });
  expect(parse("--help up")).toMatchObject({ isHelp: true, verb: verbs[0] });
});

test.each([
  ["up --json --bogus", true],
  ["--json", true],
  ["--json kubectl", true],
  ["kubectl --json get", true],
  ["kubectl get --json", false],
  ["pu", false],
])("%s wants a document: %j", (line, expected) => {
  expect(wantsJson(line.split(" "), verbs)).toBe(expected);
});

test("options that one word of a verb has no use for are refused", () => {
  expect(() => refuseOptions({ force: true }, ["bundle", "force"], "node add")).toThrow(
    expect.objectContaining({ code: "USAGE", message: '--force is nothing for "node add"' }),
  );
  expect(() => refuseOptions({ force: true }, ["bundle"], "node remove")).not.toThrow();
});

test("help lists the verbs, and a verb's options with what they do", () => {
  expect(overview(verbs)).toContain("  node     Adds and removes\n");
  const text = verbHelp(verbs[1] as Verb);
  expect(text).toContain("Usage: pnpm cluster node add|remove NODE\n\nAdds and removes\n");
  expect(text).toMatch(/\n {2}-f, --force +in any case\n {6}--timeout VALUE +seconds\n/);
  const columns = ["in any case", "seconds", "whatever"].map((word) => {
    const line = text.split("\n").find((one) => one.endsWith(word)) ?? "";
    return line.indexOf(word);
  });
  expect(new Set(columns).size).toBe(1);
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
