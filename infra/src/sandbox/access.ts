import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { SandboxError } from "./spec.ts";

/** The private key that nodes of a sandbox are logged in to with. */
export function keyFile(stateFolder: string): string {
  return join(stateFolder, "id_ed25519");
}

/**
 * The public key, made together with its private half where there is none.
 *
 * @throws {SandboxError} when ssh-keygen is not there or cannot write
 */
export async function ensureKey(stateFolder: string): Promise<string> {
  const file = keyFile(stateFolder);
  const found = await readFile(`${file}.pub`, "utf8").catch(() => undefined);
  if (found !== undefined) return found.trim();
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  // A private half alone is left of a run that was ended in between.
  await rm(file, { force: true });
  try {
    await promisify(execFile)("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "sandbox", "-f", file]);
  } catch (error) {
    throw new SandboxError(
      `no key could be made: ${(error as Error).message}`,
      "apt-get install openssh-client",
      {
        cause: error,
      },
    );
  }
  return (await readFile(`${file}.pub`, "utf8")).trim();
}

/** Machines that are made anew have new host keys. */
export async function forgetHosts(stateFolder: string): Promise<void> {
  await rm(join(stateFolder, "known_hosts"), { force: true });
}

/** Everything that was kept for a cluster that is no more, but for the transcripts of what was done. */
export async function forgetCluster(stateFolder: string): Promise<void> {
  const kept = await readdir(stateFolder).catch((): string[] => []);
  const gone = kept.includes("logs") ? kept.filter((name) => name !== "logs") : [""];
  for (const name of gone) await rm(join(stateFolder, name), { recursive: true, force: true });
}
