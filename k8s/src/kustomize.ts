import { execFile, execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { parseAllDocuments, stringify } from "yaml";

import type { Manifest } from "./manifest.ts";

/** The folder with base, components and overlays. */
export const K8S = resolve(import.meta.dirname, "..");

/** Since kubectl 1.27 (kustomize 5): `labels`, and patches with a kind that is changed. */
const LEAST_MINOR = 27;

/** What keeps the manifests from being rendered here; undefined when nothing does. */
export function kubectlLack(): string | undefined {
  try {
    const answer = execFileSync("kubectl", ["version", "--client", "-o", "json"], { encoding: "utf8" });
    const { clientVersion } = JSON.parse(answer) as { clientVersion: { minor: string; gitVersion: string } };
    const isOld = Number.parseInt(clientVersion.minor, 10) < LEAST_MINOR;
    return isOld ? `needs kubectl 1.${LEAST_MINOR} or newer, not ${clientVersion.gitVersion}` : undefined;
  } catch {
    return "needs kubectl";
  }
}

/** What a kustomization of one's own consists of. */
export interface Composition {
  readonly overlay: string;
  readonly components?: readonly string[];
  /** Further fields of the kustomization: `images`, `patches`. */
  readonly fields?: object;
}

/** A copy of the manifests with the secrets that are kept out of git. */
export class Manifests implements AsyncDisposable {
  readonly #folder: string;
  #count = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async copy(): Promise<Manifests> {
    const folder = await mkdtemp(join(tmpdir(), "wharf-k8s-"));
    for (const part of ["base", "components", "overlays"]) {
      await cp(join(K8S, part), join(folder, part), { recursive: true });
    }
    await writeFile(join(folder, "components/postgres/postgres.env"), "POSTGRES_PASSWORD=0123456789abcdef\n");
    await writeFile(
      join(folder, "components/ingress/users.htpasswd"),
      "ann:$apr1$vLT2kpLJ$9aWBZbb1B0xW0QWYz5Ldg.\n",
    );
    return new Manifests(folder);
  }

  /** Removes a file of the copy. */
  remove(file: string): Promise<void> {
    return rm(join(this.#folder, file));
  }

  /**
   * The objects that `kubectl kustomize` makes.
   *
   * @throws what kubectl says is wrong
   */
  async render({ overlay, components = [], fields }: Composition): Promise<Manifest[]> {
    const own = join(this.#folder, `composition-${this.#count++}`);
    const kustomization = {
      resources: [`../overlays/${overlay}`],
      components: components.map((name) => `../components/${name}`),
      ...fields,
    };
    await mkdir(own);
    await writeFile(join(own, "kustomization.yaml"), stringify(kustomization));
    const { stdout } = await promisify(execFile)("kubectl", ["kustomize", own]);
    return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}
