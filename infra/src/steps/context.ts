import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Cluster, VerbContext } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import { SeenChecksums } from "./seen-checksums.ts";
import type { StepContext } from "./step.ts";

/**
 * What steps are given, before anything is known of the nodes.
 *
 * @throws {UsageError} when a file or a password that the inventory speaks of is not there
 */
export async function stepContext(cluster: Cluster, verb: VerbContext): Promise<StepContext> {
  const { inventory, profile, nodes, controlPlane } = cluster;
  const { ca, credentials } = inventory.sources;
  return {
    inventory,
    profile,
    nodes,
    controlPlane,
    facts: new Map(),
    ...(ca === undefined ? {} : { ca: await readAuthorities(ca) }),
    ...(credentials === undefined ? {} : { credentials: withPassword(credentials, verb.environment) }),
    seenChecksums: await SeenChecksums.open(join(inventory.stateFolder, "seen-checksums.json")),
    isDryRun: verb.options.isDryRun,
    signal: verb.signal,
  };
}

async function readAuthorities(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw new UsageError(`sources.ca: ${String(error)}`);
  });
  return text.trimEnd();
}

function withPassword(
  { user, passwordVariable }: { readonly user: string; readonly passwordVariable: string },
  environment: VerbContext["environment"],
): { user: string; password: string } {
  const password = environment[passwordVariable];
  if (password === undefined || password === "") {
    throw new UsageError(`sources.credentials: the environment has no ${passwordVariable}`);
  }
  return { user, password };
}
