import type { ParseArgsOptionsConfig } from "node:util";

import type { Inventory } from "../inventory/inventory.ts";
import type { Node } from "../node/node.ts";
import type { Profile } from "../profiles/profile.ts";
import type { Report } from "./report.ts";

/** 0 done, 1 failed, 2 wrong use or inventory; of a verb that passes on, the other program's. */
export type ExitStatus = number;

/** What every verb understands. */
export interface CommonOptions {
  readonly isDryRun: boolean;
  readonly isJson: boolean;
  readonly isVerbose: boolean;
  /** Questions are answered with yes. */
  readonly isYes: boolean;
}

/** What a verb is run with. */
export interface VerbContext {
  readonly options: CommonOptions;
  /** The verb's own options, as `parseArgs` gives them. */
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly positionals: readonly string[];
  readonly report: Report;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The folder that the operator is in; relative paths begin there. */
  readonly folder: string;
  /** The inventory's file, absolute; it need not be there. */
  readonly inventoryFile: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Asks for a yes. `--yes` gives it. @throws {UsageError} when there is nobody to ask */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Reads the inventory, once. @throws {InventoryError} listing every mistake with its line */
  readonly cluster: () => Promise<Cluster>;
}

/** An inventory with its profile and its machines, which are connected to when first used. */
export interface Cluster {
  readonly inventory: Inventory;
  readonly profile: Profile;
  readonly nodes: readonly Node[];
  readonly controlPlane: Node;
}

/** One word of `pnpm cluster <verb>`. */
export interface Verb {
  readonly name: string;
  /** A line for the list of verbs. */
  readonly summary: string;
  /** What stands after the name: `add|remove NODE [--force]`. */
  readonly synopsis: string;
  readonly options?: ParseArgsOptionsConfig;
  /** A line for each of its options, for `help`: `--force` is described under `force`. */
  readonly descriptions?: Readonly<Record<string, string>>;
  /** It changes nodes: only one such run at a time is let on a node. Not with `--dry-run`. */
  readonly changesNodes?: boolean;
  /** Words may stand after the name: `add|remove NODE`. Others refuse them. */
  readonly takesWords?: boolean;
  /** This process' own output is given to another program: there is no document of ours, and `--json` is refused. */
  readonly attaches?: boolean;
  /**
   * Everything after the name is positionals, options as well: they are another program's. Ours stand before the name,
   * or right after it.
   */
  readonly passesOn?: boolean;
  /** @throws {UsageError} for arguments that make no sense */
  run(context: VerbContext): Promise<ExitStatus>;
}
