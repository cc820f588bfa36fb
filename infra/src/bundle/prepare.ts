import { resolve } from "node:path";

import type { Report } from "../cli/report.ts";
import type { Cluster, VerbContext } from "../cli/verb.ts";
import type { Node } from "../node/node.ts";
import { prepare } from "../steps/phases.ts";
import type { StepContext } from "../steps/step.ts";
import { bringFiles, importImages } from "./bring.ts";
import { type Bundle, openBundle, withBundle } from "./open.ts";

/** The option of verbs that make nodes, and what `help` says of it. */
export const bundleOption = { bundle: { type: "string" } } as const;
export const bundleDescription = { bundle: "a file that `bundle` made: nodes then need no other source" };

/**
 * The cluster as the inventory has it, or with `--bundle` as its only source.
 *
 * @throws {BundleError} when the bundle is damaged, or another profile's
 */
export async function takeBundle(verb: VerbContext): Promise<{ cluster: Cluster; bundle?: Bundle }> {
  const cluster = await verb.cluster();
  const file = verb.values["bundle"];
  if (typeof file !== "string") return { cluster };
  const { inventory, profile } = cluster;
  const bundle = await openBundle(resolve(verb.folder, file), inventory, profile, {
    signal: verb.signal,
    isDryRun: verb.options.isDryRun,
  });
  return { cluster: { ...cluster, inventory: withBundle(inventory, bundle) }, bundle };
}

/** `prepare`, with everything that is needed brought before from the bundle, if there is one. */
export async function prepareFrom(
  bundle: Bundle | undefined,
  nodes: readonly Node[],
  context: StepContext,
  report: Report,
): Promise<void> {
  if (bundle !== undefined) await bringFiles(bundle, nodes, context, report);
  await prepare(nodes, context, report);
  if (bundle !== undefined) await importImages(bundle, nodes, context, report);
}
