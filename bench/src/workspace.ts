import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary folder for one run of the benches; both contenders keep their files on its file system. */
export interface Workspace {
  readonly directory: string;
}

/** Runs `work` with a workspace, and removes it afterwards. */
export async function withWorkspace<T>(work: (workspace: Workspace) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-bench-"));
  try {
    return await work({ directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
