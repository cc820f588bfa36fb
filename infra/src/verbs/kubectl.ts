import type { Verb } from "../cli/verb.ts";
import { attachKubectl } from "../kubernetes/attached.ts";

/** kubectl, as the control plane has it. */
export const kubectl: Verb = {
  name: "kubectl",
  summary: "Runs kubectl on the control plane, with this terminal's input and output",
  synopsis: "ARGUMENTS...",
  passesOn: true,
  async run({ positionals, signal, ...context }) {
    return await attachKubectl((await context.cluster()).controlPlane, positionals, signal);
  },
};
