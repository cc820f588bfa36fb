import { execFile } from "node:child_process";
import { readdir, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { UsageError } from "../errors.ts";
import { makeStateFolder } from "../inventory/state-folder.ts";
import { SandboxError } from "./spec.ts";

/** A file with the name of the sandbox that a state folder is of: those of real clusters have none. */
const MARK = "sandbox";
/** Transcripts, which stay when a sandbox goes. */
const LOGS = "logs";

/** The sandbox that a state folder is of; nothing for a real cluster's, and where there is none. */
export async function ownerOf(stateFolder: string): Promise<string | undefined> {
  return (await readFile(join(stateFolder, MARK), "utf8").catch(() => undefined))?.trim();
}

/** @throws {UsageError} when a state folder has something in it that is not this sandbox's */
export async function checkOwner(stateFolder: string, name: string): Promise<void> {
  const owner = await ownerOf(stateFolder);
  const kept = await readdir(stateFolder).catch((): string[] => []);
  if (owner === name || kept.every((one) => one === LOGS)) return;
  throw new UsageError(
    `${stateFolder} is of ${owner === undefined ? "another cluster" : `the sandbox "${owner}"`}`,
    "It is left as it is. Name another inventory: --inventory sandbox.yaml",
  );
}

/** Makes a state folder, and marks it as this sandbox's. @throws {StateFolderError} */
export async function claim(stateFolder: string, name: string): Promise<void> {
  makeStateFolder(stateFolder);
  await writeFile(join(stateFolder, MARK), `${name}\n`);
}

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

/** Everything that was kept for a sandbox that is no more, but for the transcripts of what was done. */
export async function forgetCluster(stateFolder: string): Promise<void> {
  const kept = await readdir(stateFolder).catch(() => undefined);
  if (kept === undefined) return;
  // The mark last: until then, what is left is known as the sandbox's.
  for (const name of [...kept.filter((one) => one !== LOGS && one !== MARK), MARK])
    await rm(join(stateFolder, name), { recursive: true, force: true });
  if (!kept.includes(LOGS)) await rmdir(stateFolder);
}
