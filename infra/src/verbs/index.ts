import type { Verb } from "../cli/verb.ts";
import { bundle } from "./bundle.ts";
import { deploy } from "./deploy.ts";
import { doctor } from "./doctor.ts";
import { kubectl } from "./kubectl.ts";
import { logs } from "./logs.ts";
import { node } from "./node.ts";
import { reset } from "./reset.ts";
import { sandbox } from "./sandbox.ts";
import { ssh } from "./ssh.ts";
import { status } from "./status.ts";
import { upAndDeploy } from "./up-and-deploy.ts";
import { up } from "./up.ts";

/** Every word of `pnpm cluster <verb>`, in the order that `help` lists them. */
export const verbs: readonly Verb[] = [
  doctor,
  up,
  deploy,
  upAndDeploy,
  status,
  logs,
  ssh,
  kubectl,
  node,
  reset,
  sandbox,
  bundle,
];
