import { createReadStream } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { prelude, temporaryFolder } from "../kubernetes/kubectl.ts";
import type { Node } from "../node/node.ts";
import { runProgram } from "../programs.ts";
import { PULL_CONFIG } from "./overlay.ts";
import { manifests } from "./parts.ts";

/** What is rendered. */
export interface Rendering {
  /** The text of the kustomization over the overlay. */
  readonly kustomization: string;
  /** The text of Postgres' environment file, where the overlay has Postgres. */
  readonly postgresEnvironment?: string | undefined;
  /** The text of the registry's `.dockerconfigjson`, where it asks for a password. */
  readonly pullConfig?: string | undefined;
}

/**
 * Renders the manifests of `k8s/` on the control plane, whose kubectl has the kustomize that fits the cluster.
 *
 * @returns YAML, with secrets in it
 * @throws {NodeCommandError} when kustomize refuses them
 */
export async function render(controlPlane: Node, rendering: Rendering, signal: AbortSignal): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-deploy-"));
  try {
    for (const part of ["base", "components", "overlays"]) {
      await cp(join(manifests, part), join(folder, part), { recursive: true });
    }
    await mkdir(join(folder, "deploy"));
    await writeFile(join(folder, "deploy/kustomization.yaml"), rendering.kustomization);
    await writeSecret(join(folder, "components/postgres/postgres.env"), rendering.postgresEnvironment);
    await writeSecret(join(folder, "deploy", PULL_CONFIG), rendering.pullConfig);
    const file = join(folder, "manifests.tar");
    await runProgram("tar", ["-cf", file, "-C", folder, "base", "components", "overlays", "deploy"], {
      signal,
    });
    const { stdout } = await controlPlane.feed(script, createReadStream(file), {
      step: "render",
      hasSecretOutput: true,
      signal,
    });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function writeSecret(file: string, text: string | undefined): Promise<void> {
  if (text !== undefined) await writeFile(file, text, { mode: 0o600 });
}

const script = `${prelude}set -eu
${temporaryFolder}tar -x --no-same-owner -C "$folder"
kubectl kustomize "$folder/deploy"
`;
