import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary folder for one run of the benches; both contenders keep their files on its file system. */
export interface Workspace {
  readonly directory: string;
}

/** Runs `work` with a workspace, and removes it afterwards, also when the run is interrupted. */
export async function withWorkspace<T>(work: (workspace: Workspace) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-bench-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  try {
    return await work({ directory });
  } finally {
    remove();
  }
}

/** A folder in the workspace for one figure, removed when the figure is done with. */
export async function makeFolder({ directory }: Workspace, stack: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(directory, "figure-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
