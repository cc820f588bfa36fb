import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";

import { NodeCommandError } from "../errors.ts";
import type { Kubectl } from "../kubernetes/kubectl.ts";
import type { Pod, Service } from "../kubernetes/objects.ts";
import type { Node } from "../node/node.ts";
import { DeployError } from "./errors.ts";

/** Where both services answer. */
export interface Addresses {
  readonly fileserver: string;
  readonly downloader: string;
}

/** The addresses of the Service, which every node routes. */
export async function serviceAddresses(
  kubectl: Kubectl,
  namespace: string,
  signal: AbortSignal,
): Promise<Addresses> {
  const { spec } = await kubectl.json<Service>(
    ["get", "service", "wharf", "--namespace", namespace, "-o", "json"],
    { signal },
  );
  return addresses(spec.clusterIP ?? "");
}

/**
 * The addresses that the smoke test uses. Replicas with files of their own are addressed one at a time: what one of them
 * has fetched, the Service's other port may ask another one for.
 */
export async function smokeAddresses(
  kubectl: Kubectl,
  namespace: string,
  workloads: readonly string[],
  signal: AbortSignal,
): Promise<Addresses> {
  if (!workloads.includes("statefulset/wharf")) return await serviceAddresses(kubectl, namespace, signal);
  const pod = await kubectl.json<Pod>(["get", "pod", "wharf-0", "--namespace", namespace, "-o", "json"], {
    signal,
  });
  return addresses(pod.status.podIP ?? "");
}

/** @throws {NodeCommandError} when one of the ports does not answer through the Service from this node */
export async function reachFrom(
  node: Node,
  { fileserver, downloader }: Addresses,
  signal: AbortSignal,
): Promise<void> {
  const urls = `${fileserver}/files/ ${downloader}/downloads`;
  const script = `for url in ${urls}; do curl -fsS --noproxy '*' -m 20 -o /dev/null "$url" || { echo "$url does not answer" >&2; exit 1; }; done`;
  await node.run(script, { step: "reach the service", signal });
}

/**
 * Stores a file and reads it back, has the guard refuse what it must, and has a URL fetched. Leaves nothing behind.
 *
 * @param source what is fetched; `undefined`: nothing
 * @returns a line for each thing that works
 * @throws {DeployError} when the source is out of the downloader's reach
 * @throws {NodeCommandError} when something else does not work
 */
export async function smoke(
  node: Node,
  { fileserver, downloader }: Addresses,
  source: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const script = await readFile(new URL("smoke.sh", import.meta.url), "utf8");
  const place = `smoke-test-${randomBytes(6).toString("hex")}`;
  const variables = { FILESERVER: fileserver, DOWNLOADER: downloader, PLACE: place, SOURCE: source ?? "" };
  try {
    const { stdout } = await node.run(script, { step: "smoke.sh", variables, signal, timeoutMs: 300_000 });
    return stdout.trimEnd().split("\n");
  } catch (error) {
    if (!(error instanceof NodeCommandError) || source === undefined || !error.stderr.includes(source))
      throw error;
    throw new DeployError(
      "FETCH_FAILED",
      `The services run, but the downloader cannot fetch ${source}: ${error.stderr.trim()}`,
      {
        cause: error,
        hint: fetchHint(error.stderr),
      },
    );
  }
}

/** What a failed fetch is mended by. */
function fetchHint(answer: string): string {
  if (/URL_FORBIDDEN|ADDRESS_FORBIDDEN/.test(answer)) {
    return "The source has a private address, which the downloader's guard refuses. If it may fetch from there, say so in the inventory (deploy.allowNetworks); else name another source (deploy.smokeUrl), or none.";
  }
  return "Pods reach it neither by name nor by address: look at pnpm cluster kubectl -n kube-system logs -l k8s-app=kube-dns, and at the nodes' way out. deploy.smokeUrl names another source, or none.";
}

function addresses(host: string): Addresses {
  const inUrl = host.includes(":") ? `[${host}]` : host;
  return { fileserver: `http://${inUrl}:8080`, downloader: `http://${inUrl}:3000` };
}
