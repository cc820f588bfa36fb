import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv, type ErrorObject } from "ajv";

import { K8S } from "./kustomize.ts";
import type { Manifest } from "./manifest.ts";

/** The releases of Kubernetes whose API the manifests are judged by. */
export const RELEASES = ["v1.28.9", "v1.37.2"] as const;

const ADDED = "prometheus-operator-v0.85.0";

/** Judges objects by what one release's API says of their kinds. */
export class Schema {
  readonly #ajv = new Ajv({ allErrors: true, strictTypes: false });
  readonly #files: readonly string[];

  constructor(release: (typeof RELEASES)[number]) {
    this.#files = [release, ADDED];
    // By the standard it says nothing of validity; here what has it must not be there.
    this.#ajv.removeKeyword("deprecated");
    this.#ajv.addKeyword({
      keyword: "deprecated",
      schemaType: "boolean",
      validate: (isDeprecated: boolean) => !isDeprecated,
      error: { message: "is deprecated" },
    });
    for (const file of this.#files) {
      this.#ajv.addSchema(JSON.parse(readFileSync(join(K8S, "schemas", `${file}.json`), "utf8")) as object);
    }
  }

  /** What is wrong with an object, a sentence each. */
  problems(object: Manifest): string[] {
    const kind = `${object.apiVersion}/${object.kind}`;
    const judge = this.#files
      .map((file) => this.#ajv.getSchema(`${file}#/definitions/${kind.replaceAll("/", "~1")}`))
      .find((each) => each !== undefined);
    if (judge === undefined) return [`There is no ${kind}.`];
    return judge(object) === true ? [] : (judge.errors ?? []).map(sentence);
  }
}

function sentence({ instancePath, message, params }: ErrorObject): string {
  const field = (params as { additionalProperty?: string }).additionalProperty;
  return `${instancePath || "/"} ${message}${field === undefined ? "" : `: ${field}`}`;
}
