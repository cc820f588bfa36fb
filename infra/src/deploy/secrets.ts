import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { UsageError } from "../errors.ts";
import type { DeploySpec } from "../inventory/inventory.ts";
import type { Kubectl } from "../kubernetes/kubectl.ts";
import type { List } from "../kubernetes/objects.ts";

const variable = "POSTGRES_PASSWORD";

interface Secret {
  readonly metadata: { readonly creationTimestamp: string };
  readonly data?: Readonly<Record<string, string>>;
}

interface Request {
  /** Where the file is kept. */
  readonly stateFolder: string;
  readonly kubectl: Kubectl;
  readonly namespace: string;
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

/**
 * The file with Postgres' password, made when it is missing, for the owner alone. A database keeps the password it was
 * made with: one that the cluster has is taken over rather than replaced.
 *
 * @returns the file's text, and whether it had to be made
 */
export async function postgresEnvironment({ stateFolder, kubectl, namespace, isDryRun, signal }: Request) {
  const file = join(stateFolder, "postgres.env");
  const there = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
  if (there !== undefined) return { file, text: there, isNew: false };
  // Letters and digits: it becomes part of a URL.
  const password = (await passwordInCluster(kubectl, namespace, signal)) ?? randomBytes(24).toString("hex");
  const text = `${variable}=${password}\n`;
  if (!isDryRun) {
    await mkdir(stateFolder, { recursive: true });
    await writeFile(file, text, { mode: 0o600, flag: "wx" });
  }
  return { file, text, isNew: true };
}

async function passwordInCluster(
  kubectl: Kubectl,
  namespace: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const args = [
    "get",
    "secrets",
    "--namespace",
    namespace,
    "--selector=app.kubernetes.io/name=wharf-postgres",
    "-o",
    "json",
  ];
  const { items } = await kubectl.json<List<Secret>>(args, { hasSecretOutput: true, signal });
  const newest = items.toSorted((one, other) =>
    other.metadata.creationTimestamp.localeCompare(one.metadata.creationTimestamp),
  )[0];
  const value = newest?.data?.[variable];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString();
}

/**
 * What kubelet logs in to `deploy.registry` with: the text of a `.dockerconfigjson`. Nothing where the registry asks for
 * no password.
 *
 * @throws {UsageError} when the variable that the inventory names is not set
 */
export function pullConfig(
  { registry, registryCredentials }: Pick<DeploySpec, "registry" | "registryCredentials">,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (registry === undefined || registryCredentials === undefined) return undefined;
  const { user, passwordVariable } = registryCredentials;
  const password = environment[passwordVariable];
  if (!password)
    throw new UsageError(
      `deploy.registryCredentials: the environment variable ${passwordVariable} is not set: export it with the password`,
    );
  const [host = ""] = registry.split("/");
  return JSON.stringify({ auths: { [host]: { username: user, password } } });
}
