import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

import { UsageError } from "../errors.ts";
import { suggestion } from "./nearest.ts";
import type { CommonOptions, Verb, VerbContext } from "./verb.ts";

/** What every verb understands. */
const commonOptions = {
  inventory: { type: "string", short: "i" },
  "dry-run": { type: "boolean", short: "n" },
  json: { type: "boolean" },
  verbose: { type: "boolean", short: "v" },
  yes: { type: "boolean", short: "y" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsOptionsConfig;

/** A command line that was understood. */
export interface Arguments {
  readonly verb: Verb;
  readonly isHelp: boolean;
  readonly inventory: string | undefined;
  readonly options: CommonOptions;
  readonly values: VerbContext["values"];
  readonly positionals: readonly string[];
}

/**
 * Reads the words after `pnpm cluster`. Options may stand before or after the verb.
 *
 * @returns undefined when help is asked for without a verb
 * @throws {UsageError} for a verb or option that there is not, with the nearest that there is
 */
export function parseArguments(args: readonly string[], verbs: readonly Verb[]): Arguments | undefined {
  const at = verbIndex(args);
  const name = args[at];
  const verb = verbs.find((one) => one.name === name);
  if (name === undefined) {
    if (strictly(args, commonOptions).values["help"] === true) return undefined;
    throw new UsageError("which verb?");
  }
  if (verb === undefined) {
    const names = verbs.map((one) => one.name);
    throw new UsageError(`there is no verb "${name}"${suggestion(name, names)}`);
  }
  const before = args.slice(0, at);
  const after = args.slice(at + 1);
  const parsed = verb.passesOn
    ? parsePassedOn(before, after)
    : strictly([...before, ...after], { ...verb.options, ...commonOptions });
  const { inventory, "dry-run": isDryRun, json, verbose, yes, help, ...values } = parsed.values;
  if (help !== true) checkUse(verb, parsed.positionals, json === true);
  return {
    verb,
    isHelp: help === true,
    inventory: typeof inventory === "string" ? inventory : undefined,
    options: {
      isDryRun: isDryRun === true,
      isJson: json === true,
      isVerbose: verbose === true,
      isYes: yes === true,
    },
    values: values as VerbContext["values"],
    positionals: parsed.positionals,
  };
}

function checkUse({ name, takesWords, passesOn, attaches }: Verb, words: readonly string[], isJson: boolean) {
  if (words.length > 0 && takesWords !== true && passesOn !== true)
    throw new UsageError(`${name}: what is "${words[0]}"?`, `pnpm cluster help ${name}`);
  if (isJson && attaches === true)
    throw new UsageError(`${name} shows what another program prints: there is no --json`);
}

/** Whether `--json` is among the arguments that are ours, however wrong the others are. */
export function wantsJson(args: readonly string[], verbs: readonly Verb[]): boolean {
  const at = verbIndex(args);
  const after = args.slice(at + 1);
  const isPassedOn = verbs.some(({ name, passesOn }) => name === args[at] && passesOn === true);
  const ours = isPassedOn ? after.slice(0, ourCount(after)) : after;
  return [...args.slice(0, at), ...ours].includes("--json");
}

/**
 * Refuses those of a verb's options that one of its words has no use for.
 *
 * @throws {UsageError}
 */
export function refuseOptions(
  values: VerbContext["values"],
  names: readonly string[],
  command: string,
): void {
  const found = names.find((name) => values[name] !== undefined);
  if (found !== undefined) throw new UsageError(`--${found} is nothing for "${command}"`);
}

/** Where the first word is that is neither an option nor a common option's value. */
function verbIndex(args: readonly string[]): number {
  const { tokens } = parseArgs({
    args: [...args],
    options: commonOptions,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens.find((token) => token.kind === "positional")?.index ?? args.length;
}

function parsePassedOn(before: readonly string[], after: readonly string[]) {
  const ours = ourCount(after);
  const { values } = strictly([...before, ...after.slice(0, ours)], commonOptions);
  const rest = after.slice(ours);
  return { values, positionals: rest[0] === "--" ? rest.slice(1) : rest };
}

/** Common options right after the name are still ours; from the first other word on nothing is. */
function ourCount(after: readonly string[]): number {
  let ours = 0;
  while (ours < after.length) {
    const [, name, value] = /^--([a-z-]+)(=.*)?$/.exec(after[ours] ?? "") ?? [];
    if (name === undefined || !(name in commonOptions)) break;
    ours += name === "inventory" && value === undefined ? 2 : 1;
  }
  return ours;
}

function strictly(args: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const [, unknown] = /^Unknown option '(-[^']+)'/.exec(message) ?? [];
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION" && unknown !== undefined) {
      const names = Object.keys(options).map((name) => `--${name}`);
      throw new UsageError(`there is no option ${unknown}${suggestion(unknown, names)}`, undefined);
    }
    throw new UsageError(message.replace(/\.? ?To specify.*$/s, ""));
  }
}
