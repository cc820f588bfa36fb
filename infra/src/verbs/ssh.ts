import type { Verb } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import { passOn } from "./pass-on.ts";

/** A shell on a node, or one command. */
export const ssh: Verb = {
  name: "ssh",
  summary: "Logs in to a node, or runs one command there, with this terminal's input and output",
  synopsis: "NODE [COMMAND...]",
  passesOn: true,
  attaches: true,
  async run(context) {
    const [name, ...words] = context.positionals;
    // As with ssh and kubectl, `--` may stand before the command.
    const command = words[0] === "--" ? words.slice(1) : words;
    const { nodes } = await context.cluster();
    const names = nodes.map((node) => node.name).join(", ");
    if (name === undefined) throw new UsageError("which node?", `There are ${names}.`);
    const node = nodes.find((one) => one.name === name);
    if (node === undefined) throw new UsageError(`there is no node ${name}`, `There are ${names}.`);
    // As ssh itself does: the words are joined, and the login shell reads them.
    return await passOn(node, command.length === 0 ? undefined : command.join(" "), context);
  },
};
