import type { ExitStatus, VerbContext } from "../cli/verb.ts";
import { attach, attachLine } from "../node/attach.ts";
import type { Node } from "../node/node.ts";
import { commandLine } from "../node/quote.ts";

/** Runs an operator's own command on a node; in a dry run only says the line that would, as nobody knows what it changes. */
export async function passOn(
  node: Node,
  command: string | undefined,
  { options, report, signal }: VerbContext,
): Promise<ExitStatus> {
  if (!options.isDryRun) return await attach(node, command, signal);
  report.say(commandLine(attachLine(node, command)));
  return 0;
}
