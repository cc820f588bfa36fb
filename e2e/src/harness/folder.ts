import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { afterAll, beforeAll } from "vitest";

import { containerUser } from "./container-user.ts";

const PREFIX = "wharf-e2e-";

/** Makes a temporary folder, which a container may write to as well; whoever asks for one removes it. */
export async function makeFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), PREFIX));
  if (containerUser) await chown(path, containerUser.uid, containerUser.gid);
  return path;
}

/** The folder that {@link makeFolder} made, which a path is of or in. */
export function madeFolder(path: string): string | undefined {
  const [name = ""] = relative(tmpdir(), path).split(sep);
  return name.startsWith(PREFIX) ? join(tmpdir(), name) : undefined;
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
