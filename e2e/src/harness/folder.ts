import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";

/** Makes a temporary folder; whoever asks for one removes it. */
export function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "wharf-e2e-"));
}

/** Removes a folder and what is in it. */
export function removeFolder(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 3 });
}

/** A temporary folder for the suite that calls this; `path` is set when its first test runs. */
export function useFolder(): { readonly path: string } {
  const folder = { path: "" };
  beforeAll(async () => {
    folder.path = await makeFolder();
  });
  afterAll(() => removeFolder(folder.path));
  return folder;
}
