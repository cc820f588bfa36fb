import type { Inventory } from "../inventory/inventory.ts";
import type { Node } from "../node/node.ts";
import type { Profile } from "../profiles/profile.ts";

/** What a step did, a line for each thing; nothing when all was as it should be. */
export interface Outcome {
  readonly changes: readonly string[];
}

/** What every step is given. */
export interface StepContext {
  readonly inventory: Inventory;
  readonly profile: Profile;
  readonly nodes: readonly Node[];
  readonly controlPlane: Node;
  /** Only say what would change. */
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

/** One thing that must be so on one node. It checks before it acts, so that it can be run again at any time. */
export interface Step {
  /** As it is named in transcripts and errors: `20-containerd`. */
  readonly id: string;
  readonly title: string;
  /** @throws {NodeCommandError} when a command failed */
  run(node: Node, context: StepContext): Promise<Outcome>;
}
