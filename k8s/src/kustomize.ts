import { execFile, execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe } from "vitest";
import { parseAllDocuments, stringify } from "yaml";

import type { Manifest } from "./manifest.ts";

/** The folder that has `base/`, `components/` and `overlays/`. */
export const K8S = resolve(import.meta.dirname, "..");

/** The first with kustomize 5, which all of it was tried with. */
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
  readonly #rendered = new Map<string, Promise<readonly Manifest[]>>();

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
   * The objects that `kubectl kustomize` makes. What was asked before is not made again.
   *
   * @throws what kubectl says is wrong
   */
  render(composition: Composition): Promise<readonly Manifest[]> {
    const key = JSON.stringify(composition);
    const rendered =
      this.#rendered.get(key) ?? this.#render(composition, `composition-${this.#rendered.size}`);
    this.#rendered.set(key, rendered);
    return rendered;
  }

  async #render(
    { overlay, components = [], fields }: Composition,
    name: string,
  ): Promise<readonly Manifest[]> {
    const own = join(this.#folder, name);
    const kustomization = {
      resources: [`../overlays/${overlay}`],
      components: components.map((component) => `../components/${component}`),
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

/** A suite over a copy of the manifests; where they cannot be rendered, one that is skipped and says why. */
export function describeManifests(name: string, suite: (manifests: () => Manifests) => void): void {
  const lack = kubectlLack();
  const why = lack === undefined ? "" : ` (${lack})`;
  describe.skipIf(lack !== undefined)(`${name}${why}`, () => {
    let manifests: Manifests;
    beforeAll(async () => {
      manifests = await Manifests.copy();
    });
    afterAll(() => manifests[Symbol.asyncDispose]());
    suite(() => manifests);
  });
}
