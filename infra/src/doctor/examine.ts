import { readFile } from "node:fs/promises";

import type { Inventory } from "../inventory/inventory.ts";
import type { Node } from "../node/node.ts";
import { Facts } from "./facts.ts";
import type { Clock, Examined } from "./judge-together.ts";
import { ways } from "./ways.ts";

/** What the questions of `reach.sh` are asked with. */
export interface Sources {
  /** What a node of this architecture fetches. */
  urls(architecture: string): readonly string[];
  /** curl's configuration for those of these hosts. */
  readonly credentials?: { readonly hosts: ReadonlySet<string>; readonly curlConfig: string };
  /** PEM of the authorities they are certified by. */
  readonly ca?: string;
}

const script = async (name: string) => await readFile(new URL(name, import.meta.url), "utf8");

/**
 * Asks a node everything that is judged. Nothing on it is changed.
 *
 * @throws {NodeUnreachableError} {NodeCommandError} when it cannot be asked
 */
export async function examine(
  node: Node,
  inventory: Inventory,
  sources: Sources,
  signal: AbortSignal,
): Promise<Examined> {
  const ask = async (name: string, variables = {}, secrets = {}) =>
    (await node.run(await script(name), { step: name, variables, secrets, signal, timeoutMs: 120_000 }))
      .stdout;
  const clock = await compareClocks(node, signal);
  const machine = await ask("machine.sh");
  const taken = await ask("taken.sh");
  const urls = sources.urls(new Facts(machine).one("architecture"));
  const reach = await ask(
    "reach.sh",
    {
      URLS: urls.join(" "),
      OWN_URLS: urls.filter((url) => sources.credentials?.hosts.has(new URL(url).host)).join(" "),
      PEERS: ways(inventory.nodes)
        .filter(({ from }) => from.name === node.name)
        .map(({ to, protocol, port }) => `${to.name},${to.address},${protocol},${port}`)
        .join(" "),
      CA: sources.ca ?? "",
    },
    sources.credentials === undefined ? {} : { CURL_CONFIG: sources.credentials.curlConfig },
  );
  return { name: node.name, facts: new Facts(`${machine}\n${taken}\n${reach}`), clock };
}

/** The second of two answers is measured: the first one may have had to log in. */
async function compareClocks(node: Node, signal: AbortSignal): Promise<Clock> {
  const ask = async () =>
    Number((await node.run("date +%s%3N", { step: "clock", signal, timeoutMs: 60_000 })).stdout);
  await ask();
  const before = Date.now();
  const there = await ask();
  const after = Date.now();
  return { offsetMs: there - (before + after) / 2, uncertaintyMs: (after - before) / 2 };
}
