import { ClusterError } from "../errors.ts";
import type { NodeSpec } from "../inventory/inventory.ts";
import type { Node } from "../node/node.ts";
import { NO_FACTS } from "./node-facts.ts";
import type { Place, StepContext } from "./step.ts";

/** Where a step is at work. Facts that were not asked for are unknown. */
export function placeOf(node: Node, { inventory, facts }: Pick<StepContext, "inventory" | "facts">): Place {
  return { spec: specOf(node, inventory), facts: facts.get(node.name) ?? NO_FACTS };
}

/** What the inventory says of a node. */
export function specOf(node: Node, inventory: { readonly nodes: readonly NodeSpec[] }): NodeSpec {
  const spec = inventory.nodes.find(({ name }) => name === node.name);
  if (spec === undefined) throw new ClusterError("NODE_UNKNOWN", `${node.name} is not in the inventory`);
  return spec;
}
