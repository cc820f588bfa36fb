import type { Verb } from "../cli/verb.ts";
import { kubectlCommand } from "../kubernetes/attached.ts";
import { passOn } from "./pass-on.ts";

/** kubectl, as the control plane has it. */
export const kubectl: Verb = {
  name: "kubectl",
  summary: "Runs kubectl on the control plane, with this terminal's input and output",
  synopsis: "ARGUMENTS...",
  passesOn: true,
  attaches: true,
  async run(context) {
    return await passOn((await context.cluster()).controlPlane, kubectlCommand(context.positionals), context);
  },
};
