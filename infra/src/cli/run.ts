import { resolve } from "node:path";

import { InterruptedError, UsageError } from "../errors.ts";
import { quote } from "../node/quote.ts";
import { parseArguments, type Arguments, wantsJson } from "./arguments.ts";
import { describeFailure, exitStatus, failureDocument } from "./failure.ts";
import { overview, verbHelp } from "./help.ts";
import { listView } from "./list-view.ts";
import { plainView, silentView } from "./plain-view.ts";
import { Recorder } from "./recorder.ts";
import { suggestion } from "./nearest.ts";
import { summary } from "./summary.ts";
import type { ExitStatus, Verb, VerbContext } from "./verb.ts";
import type { View } from "./view.ts";

/** What the command line touches of the process: `main.ts` passes the real one. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where relative paths begin. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly isTerminal: boolean;
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Asks a person for a line. Undefined when there is none. */
  ask: ((question: string) => Promise<string>) | undefined;
  /** Opens the inventory for one run of a verb; `close` lets go of every node. */
  readonly openCluster: (request: ClusterRequest) => ClusterAccess;
}

/** What is known before the inventory is read. */
export interface ClusterRequest {
  readonly file: string;
  readonly verb: Verb;
  readonly isDryRun: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** What the operator should see at once of a node, though a task of it runs. */
  readonly notice: (node: string, text: string) => void;
  /** Everything that nodes print, with `--verbose`. */
  readonly echo: ((line: string) => void) | undefined;
}

/** The inventory and its machines, once for each run. */
export interface ClusterAccess {
  readonly cluster: VerbContext["cluster"];
  readonly close: () => Promise<void>;
  /** The transcript, once something was run on a node. */
  readonly transcript: string | undefined;
}

/** Runs one command line and returns its exit status. */
export async function runCommandLine(
  args: readonly string[],
  verbs: readonly Verb[],
  around: Surroundings,
): Promise<ExitStatus> {
  try {
    if (args.length === 0) throw new UsageError("which verb?", overview(verbs));
    const asked = helpAsked(args, verbs);
    if (asked !== undefined) {
      around.out(asked);
      return 0;
    }
    const parsed = parseArguments(args, verbs);
    if (parsed?.isHelp === false) return await runVerb(parsed, naming(parsed, around));
    around.out(parsed === undefined ? overview(verbs) : verbHelp(parsed.verb));
    return 0;
  } catch (error) {
    const status = exitStatus(error);
    if (wantsJson(args, verbs)) around.out(json({ status, error: failureDocument(error) }));
    else around.error(`${describeFailure(error)}\n`);
    return status;
  }
}

/** The text for `help` and `help VERB`. @throws {UsageError} for a verb there is not */
function helpAsked([first, name]: readonly string[], verbs: readonly Verb[]): string | undefined {
  if (first !== "help") return undefined;
  if (name === undefined || name.startsWith("-")) return overview(verbs);
  const verb = verbs.find((one) => one.name === name);
  const names = verbs.map((one) => one.name);
  if (verb === undefined) throw new UsageError(`there is no verb "${name}"${suggestion(name, names)}`);
  return verbHelp(verb);
}

/** What a person is told to type next is for the inventory that was named: so it is named there as well. */
function naming({ inventory, options }: Arguments, around: Surroundings): Surroundings {
  if (inventory === undefined || options.isJson) return around;
  const commands = /\bpnpm (?:cluster (?:(?:sandbox|node) )?[a-z][a-z-]*|deploy:cluster)/g;
  const named = (text: string) =>
    text.replaceAll(commands, (command) => `${command} --inventory ${quote(inventory)}`);
  return {
    ...around,
    out: (text) => around.out(named(text)),
    error: (text) => around.error(named(text)),
  };
}

async function runVerb(parsed: Arguments, around: Surroundings): Promise<ExitStatus> {
  const { verb, options } = parsed;
  const startedAt = performance.now();
  const report = new Recorder(viewFor(parsed, around));
  const access = around.openCluster({
    file: resolve(around.folder, parsed.inventory ?? "cluster.yaml"),
    verb,
    isDryRun: options.isDryRun,
    environment: around.environment,
    signal: around.signal,
    notice: (node, text) => report.notice(node, text),
    echo: options.isVerbose ? (line) => (options.isJson ? around.error : around.out)(`${line}\n`) : undefined,
  });
  let status: ExitStatus;
  let failure: unknown;
  try {
    status = await verb.run(contextFor(parsed, around, report, access));
  } catch (error) {
    failure = around.signal.aborted ? new InterruptedError() : error;
    status = exitStatus(failure);
  } finally {
    await access.close();
  }
  const seconds = Math.round(performance.now() - startedAt) / 1000;
  const ended = { verb: verb.name, status, seconds, phases: report.phases };
  if (options.isJson) {
    const error = failure === undefined ? {} : { error: failureDocument(failure) };
    around.out(json({ ...ended, results: report.results, ...error }));
    return status;
  }
  if (report.phases.length > 0) {
    const text = summary(verb.name, seconds, report.phases, options.isDryRun);
    around.out(`\n${text}\n${failure === undefined ? "" : "\n"}`);
  }
  if (failure !== undefined) tellFailure(failure, access, around);
  return status;
}

function json(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

function tellFailure(failure: unknown, access: ClusterAccess, around: Surroundings): void {
  around.error(`${describeFailure(failure)}\n`);
  if (access.transcript !== undefined) around.error(`\ntranscript: ${access.transcript}\n`);
}

function viewFor({ options }: Arguments, around: Surroundings): View {
  if (options.isJson) return silentView;
  const isPlain = options.isVerbose || !around.isTerminal;
  return (isPlain ? plainView : listView)(around.out, options.isDryRun);
}

function contextFor(
  { options, values, positionals, inventory }: Arguments,
  { environment, folder, signal, ask }: Surroundings,
  report: Recorder,
  access: ClusterAccess,
): VerbContext {
  return {
    options,
    values,
    positionals,
    report,
    environment,
    folder,
    inventoryFile: resolve(folder, inventory ?? "cluster.yaml"),
    signal,
    cluster: access.cluster,
    confirm: async (question) => {
      if (options.isYes) return true;
      if (ask === undefined) throw new UsageError(`${question} There is nobody to ask: say --yes.`);
      return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim());
    },
  };
}
