import type { Inventory, NodeSpec } from "../inventory/inventory.ts";
import type { Node } from "../node/node.ts";
import type { Profile } from "../profiles/profile.ts";
import type { NodeFacts } from "./node-facts.ts";
import type { SeenChecksums } from "./seen-checksums.ts";

/** What a step did and found. */
export interface Outcome {
  /** What it changed, a line for each thing; nothing when all was as it should be. */
  readonly changes: readonly string[];
  /** What it was to find out. */
  readonly facts: readonly Fact[];
}

/** One thing found: `architecture` is `amd64`. A name may come more than once. */
export type Fact = readonly [name: string, value: string];

/** What every step is given. */
export interface StepContext {
  readonly inventory: Inventory;
  readonly profile: Profile;
  readonly nodes: readonly Node[];
  readonly controlPlane: Node;
  /** What was found on each node, by its name. */
  readonly facts: ReadonlyMap<string, NodeFacts>;
  /** For those hosts of the inventory's sources that are no preset's. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** PEM of the authorities that the nodes are to trust for them. */
  readonly ca?: string;
  readonly seenChecksums: SeenChecksums;
  /** Only say what would change. */
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

/** The node that a step is at work on, as the inventory and its facts have it. */
export interface Place {
  readonly spec: NodeSpec;
  readonly facts: NodeFacts;
}

/** One thing that must be so on one node. It checks before it acts, so that it can be run again at any time. */
export interface Step {
  /** As it is named in transcripts and errors: `24-containerd`. */
  readonly id: string;
  readonly title: string;
  /** @throws {NodeCommandError} when a command failed */
  run(node: Node, context: StepContext): Promise<Outcome>;
}
