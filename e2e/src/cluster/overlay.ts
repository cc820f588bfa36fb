import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import type { ClusterTarget } from "./cluster.ts";

const MANIFESTS = resolve(import.meta.dirname, "../../../k8s");
const POSTGRES_PASSWORD = "e2e0123456789";

/** How an overlay is changed for a suite. */
export interface OverlayOptions {
  readonly components?: readonly string[];
  /** Added to the settings of both services. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Files of the overlay, and patches, in kustomize's own terms. */
  readonly patches?: readonly object[];
}

/** Renders an overlay as an operator would change it: by one more kustomization on top. */
export async function renderOverlay(
  overlay: string,
  target: ClusterTarget,
  options: OverlayOptions = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "wharf-overlay-"));
  try {
    await cp(MANIFESTS, folder, { recursive: true, filter: (path) => !path.includes("node_modules") });
    await writeFile(
      join(folder, "components/postgres/postgres.env"),
      `POSTGRES_PASSWORD=${POSTGRES_PASSWORD}\n`,
    );
    await mkdir(join(folder, "e2e"));
    // JSON is YAML too.
    const top = JSON.stringify(kustomization(overlay, target, options));
    await writeFile(join(folder, "e2e/kustomization.yaml"), top);
    const { stdout } = await promisify(execFile)("kubectl", ["kustomize", join(folder, "e2e")]);
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function kustomization(overlay: string, target: ClusterTarget, options: OverlayOptions) {
  const { components = [], settings = {}, patches = [] } = options;
  const [postgresName, postgresTag] = (target.postgresImage ?? "").split(/:(?=[^:/]*$)/);
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [`../overlays/${overlay}`],
    components: components.map((component) => `../components/${component}`),
    configMapGenerator: [
      {
        name: "wharf",
        behavior: "merge",
        literals: Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      },
    ],
    images: [
      { name: "wharf/fileserver", newTag: target.tag },
      { name: "wharf/downloader", newTag: target.tag },
      ...(target.postgresImage ? [{ name: "postgres", newName: postgresName, newTag: postgresTag }] : []),
    ],
    patches,
  };
}
