import { createHash, randomInt, X509Certificate } from "node:crypto";

import type { Node } from "../node/node.ts";
import { API_PORT, joinConfig } from "./kubeadm-config.ts";
import { specOf } from "./place.ts";
import { shellStep } from "./shell-step.ts";
import type { Step, StepContext } from "./step.ts";
import { members } from "./table.ts";

const TOKEN_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

/** The control plane as nodes join it: whom it knows, and a token that is made when the first one needs it. */
export class Joining {
  readonly #context: StepContext;
  readonly #known: readonly string[];
  /** The authority's certificate in base64; empty while there is no control plane. */
  readonly #ca: string;
  #token: Promise<string> | undefined;

  private constructor(context: StepContext, known: readonly string[], ca: string) {
    this.#context = context;
    this.#known = known;
    this.#ca = ca;
  }

  static async open(context: StepContext): Promise<Joining> {
    const { facts } = await members.run(context.controlPlane, context);
    const found = new Map(facts);
    return new Joining(context, found.get("nodes")?.trim().split(" ") ?? [], found.get("ca") ?? "");
  }

  /** Makes a node a member, if it is not one. Resolves to what that changed. */
  async join(node: Node): Promise<readonly string[]> {
    const { changes } = await this.#step("").run(node, { ...this.#context, isDryRun: true });
    if (changes.length === 0 || this.#context.isDryRun) return changes;
    if (this.#known.includes(node.name))
      await forget(node.name).run(this.#context.controlPlane, this.#context);
    this.#token ??= this.#createToken();
    return (await this.#step(await this.#token).run(node, this.#context)).changes;
  }

  /** The token is of no use to anybody any more. */
  async close(): Promise<void> {
    const token = await this.#token?.catch(() => undefined);
    if (token !== undefined) await tokenStep("delete", token).run(this.#context.controlPlane, this.#context);
  }

  async #createToken(): Promise<string> {
    const token = newToken();
    await tokenStep("create", token).run(this.#context.controlPlane, this.#context);
    return token;
  }

  #step(token: string): Step {
    const endpoint = `${specOf(this.#context.controlPlane, this.#context.inventory).address}:${API_PORT}`;
    return shellStep({
      id: "52-join",
      title: "kubeadm join",
      uses: ["whose", "kubeadm"],
      variables: ({ spec, facts }, { profile }) => ({
        ENDPOINT: endpoint,
        CA: this.#ca,
        IS_KNOWN: this.#known.includes(spec.name) ? "yes" : "no",
        CONFIG:
          this.#ca === "" ? "" : joinConfig(profile, spec, facts, { endpoint, caHash: caHash(this.#ca) }),
      }),
      secrets: () => ({ TOKEN: token }),
    });
  }
}

function forget(name: string): Step {
  return shellStep({
    id: "51-forget",
    title: `forget ${name}`,
    uses: ["kubectl"],
    variables: () => ({ NAME: name }),
  });
}

function tokenStep(action: "create" | "delete", token: string): Step {
  return shellStep({
    id: "50-token",
    title: `${action} a token`,
    uses: ["kubectl"],
    variables: () => ({ ACTION: action }),
    secrets: () => ({ TOKEN: token }),
  });
}

/** A bootstrap token: made here, so that it is known to be a secret before it is written anywhere. */
function newToken(): string {
  const characters = (count: number) =>
    Array.from({ length: count }, () => TOKEN_CHARACTERS[randomInt(TOKEN_CHARACTERS.length)]).join("");
  return `${characters(6)}.${characters(16)}`;
}

/** What kubeadm calls the hash of an authority: of its public key's DER. @param certificate DER in base64 */
export function caHash(certificate: string): string {
  const { publicKey } = new X509Certificate(Buffer.from(certificate, "base64"));
  const hash = createHash("sha256").update(publicKey.export({ type: "spki", format: "der" }));
  return `sha256:${hash.digest("hex")}`;
}
