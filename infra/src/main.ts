import { runProcess } from "./cli/process.ts";
import { verbs } from "./verbs/index.ts";

process.exitCode = await runProcess(process, verbs);
