import type { Workspace } from "./workspace.ts";

/** Something that is measured against a limit, not against a peer. */
export interface Reading {
  readonly title: string;
  readonly wanted: string;
  /** Measures it, over `runs` runs where that makes sense, and tells the outcome with its unit. */
  readonly measure: (workspace: Workspace, stack: AsyncDisposableStack, runs: number) => Promise<string>;
}

/** Takes a reading, and ends what it started. */
export async function read(reading: Reading, workspace: Workspace, runs: number): Promise<string> {
  await using stack = new AsyncDisposableStack();
  return await reading.measure(workspace, stack, runs);
}
