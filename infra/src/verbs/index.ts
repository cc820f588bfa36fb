import type { Verb } from "../cli/verb.ts";

/** Every word of `pnpm cluster <verb>`, in the order that `help` lists them. */
export const verbs: readonly Verb[] = [];
