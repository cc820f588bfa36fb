import type { Verb } from "../cli/verb.ts";
import { kubectl } from "./kubectl.ts";
import { logs } from "./logs.ts";
import { ssh } from "./ssh.ts";
import { status } from "./status.ts";

/** Every word of `pnpm cluster <verb>`, in the order that `help` lists them. */
export const verbs: readonly Verb[] = [status, logs, ssh, kubectl];
