import { resolve } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";

import { gather } from "../bundle/gather.ts";
import type { ExitStatus, Verb, VerbContext } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import type { Architecture } from "../profiles/profile.ts";
import { stepContext } from "../steps/context.ts";
import { basic, ownHosts } from "../steps/sources.ts";

/** One archive with everything that `up --bundle` needs, for nodes that reach nothing. */
export const bundle: Verb = {
  name: "bundle",
  summary: "gathers everything that a profile needs into one archive, for nodes that reach no network",
  synopsis: "[--output FILE] [--architecture amd64|arm64]",
  options: { output: { type: "string", short: "o" }, architecture: { type: "string" } },
  descriptions: {
    output: "the archive; wharf-bundle-<version>-<architecture>.tar unless given",
    architecture: "the nodes' architecture; amd64 unless given",
  },
  run,
};

async function run(context: VerbContext): Promise<ExitStatus> {
  const { values, report, folder, signal, options } = context;
  const architecture = architectureOf(values["architecture"]);
  const cluster = await context.cluster();
  const { inventory, profile } = cluster;
  const { ca, credentials } = await stepContext(cluster, context);
  const name = `wharf-bundle-v${profile.kubernetes}-${architecture}.tar`;
  const output = resolve(folder, typeof values["output"] === "string" ? values["output"] : name);
  if (ca !== undefined) setDefaultCACertificates([...getCACertificates("default"), ca]);
  const web = {
    signal,
    ...(credentials && { authorization: { value: basic(credentials), hosts: ownHosts(inventory.sources) } }),
  };
  await gather({ inventory, profile, architecture, web, report, output, isDryRun: options.isDryRun });
  if (options.isDryRun) return 0;
  report.result("bundle", output);
  report.say(`On the other side: pnpm cluster up --bundle ${output}`);
  return 0;
}

function architectureOf(value: VerbContext["values"][string]): Architecture {
  if (value === undefined || value === "amd64") return "amd64";
  if (value === "arm64") return "arm64";
  throw new UsageError("--architecture: amd64 or arm64");
}
