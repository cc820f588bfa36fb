import { existsSync } from "node:fs";

import type { Cluster, Verb, VerbContext } from "../cli/verb.ts";
import { apply } from "../deploy/apply.ts";
import { farewell } from "../deploy/farewell.ts";
import { type Image, imagesOfRegistry } from "../deploy/images.ts";
import { parseRendered, workloads } from "../deploy/objects.ts";
import { kustomization } from "../deploy/overlay.ts";
import { checkManifests, usesPostgres } from "../deploy/parts.ts";
import { type Origin, originOf, provideImages } from "../deploy/provide.ts";
import { render } from "../deploy/render.ts";
import { waitForRollout } from "../deploy/rollout.ts";
import { postgresEnvironment, pullConfig } from "../deploy/secrets.ts";
import { reachFrom, serviceAddresses, smoke, smokeAddresses } from "../deploy/smoke.ts";
import { smokeSource } from "../deploy/source.ts";
import { UsageError } from "../errors.ts";
import { Kubectl } from "../kubernetes/kubectl.ts";
import { isReady } from "../kubernetes/nodes.ts";
import type { KubernetesNode, List } from "../kubernetes/objects.ts";

/** Both services on the cluster, from source to an upload and a fetch that work. */
export const deploy: Verb = {
  name: "deploy",
  summary:
    "Builds our images, brings them to the cluster, applies the overlay, waits, and tries both services",
  synopsis: "[--images build|docker|registry] [--image-tag TAG] [--archive FILE] [--overlay NAME]",
  options: {
    images: { type: "string" },
    "image-tag": { type: "string" },
    archive: { type: "string" },
    "node-image": { type: "string" },
    overlay: { type: "string" },
    timeout: { type: "string" },
  },
  descriptions: {
    images: "build them (the default), take what Docker here has, or what the registry has",
    "image-tag": "the tag to build, take or deploy; dev unless given",
    "node-image": "what to build them on, in place of the official image",
    archive: "take them from a file that docker save made",
    overlay: "another folder of k8s/overlays than the inventory's",
    timeout: "seconds to wait for the rollout; 300 unless given",
  },
  changesNodes: true,
  async run(context) {
    const { options, signal, report } = context;
    const { origin, timeoutMs, cluster } = await orderOf(context);
    const kubectl = new Kubectl(cluster.controlPlane);
    const images = await provideImages(origin, cluster, kubectl, context);
    const waited = await applyManifests(cluster, kubectl, images, context);
    if (options.isDryRun) return 0;
    const { namespace } = cluster.inventory.deploy;
    const rollout = { kubectl, namespace, timeoutMs, signal };
    await report.run(
      "rollout",
      waited.map((workload) => ({
        title: workload,
        run: async (progress) => (await waitForRollout({ ...rollout, workload }, progress), []),
      })),
    );
    await tryServices(cluster, kubectl, waited, context);
    return 0;
  },
};

/** What the options ask for. */
interface Order {
  readonly origin: Origin;
  readonly timeoutMs: number;
  /** With the overlay that was asked for in its inventory. */
  readonly cluster: Cluster;
}

/**
 * Reads the options, and tells all that can be known to be wrong before anything is done.
 *
 * @throws {UsageError} for what there is not, or does not go together
 * @throws {DeployError} when images are to come from a registry, and the inventory names none
 */
export async function orderOf(context: VerbContext): Promise<Order> {
  const { values, folder } = context;
  const origin = originOf(values, folder);
  const timeoutMs = seconds(values["timeout"] ?? "300") * 1000;
  const cluster = withOverlay(await context.cluster(), values["overlay"]);
  const spec = cluster.inventory.deploy;
  await checkManifests(spec);
  if (origin.kind === "registry") imagesOfRegistry(origin.tag, spec.registry);
  if (origin.kind === "archive" && !existsSync(origin.file))
    throw new UsageError(`--archive: there is no ${origin.file}`);
  return { origin, timeoutMs, cluster };
}

function seconds(text: unknown): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number <= 0)
    throw new UsageError(`--timeout is a number of seconds, not ${String(text)}`);
  return number;
}

function withOverlay(cluster: Cluster, overlay: unknown): Cluster {
  if (typeof overlay !== "string") return cluster;
  return {
    ...cluster,
    inventory: { ...cluster.inventory, deploy: { ...cluster.inventory.deploy, overlay } },
  };
}

/** Resolves to the workloads that were applied. */
async function applyManifests(
  { inventory, controlPlane }: Cluster,
  kubectl: Kubectl,
  images: readonly Image[],
  { report, options, signal, environment }: VerbContext,
): Promise<readonly string[]> {
  const { deploy: spec, stateFolder } = inventory;
  const { namespace } = spec;
  let applied: readonly string[] = [];
  const secrets = (await usesPostgres(spec))
    ? await postgresEnvironment({ stateFolder, kubectl, namespace, isDryRun: options.isDryRun, signal })
    : undefined;
  await report.run("manifests", [
    { title: "secrets", run: () => Promise.resolve(secrets?.isNew === true ? [`${secrets.file} made`] : []) },
    {
      title: `overlay ${[spec.overlay, ...spec.components].join(", ")}`,
      run: async () => {
        const rendering = {
          kustomization: kustomization(spec, images),
          postgresEnvironment: secrets?.text,
          pullConfig: pullConfig(spec, environment),
        };
        const yaml = await render(controlPlane, rendering, signal);
        applied = workloads(parseRendered(yaml));
        return await apply({ controlPlane, kubectl, namespace, yaml, isDryRun: options.isDryRun, signal });
      },
    },
  ]);
  return applied;
}

async function tryServices(
  { inventory, profile, nodes, controlPlane }: Cluster,
  kubectl: Kubectl,
  waited: readonly string[],
  { report, signal }: VerbContext,
): Promise<void> {
  const { namespace } = inventory.deploy;
  const service = await serviceAddresses(kubectl, namespace, signal);
  const source = smokeSource(inventory, profile);
  const { items } = await kubectl.json<List<KubernetesNode>>(["get", "nodes", "-o", "json"], { signal });
  const ready = new Set(items.filter(isReady).map(({ metadata }) => metadata.name));
  const found: string[] = [];
  await report.run(
    "the service answers",
    nodes
      .filter(({ name }) => ready.has(name))
      .map((node) => ({
        node: node.name,
        title: "both ports",
        run: async () => (await reachFrom(node, service, signal), []),
      })),
    { concurrent: true },
  );
  await report.run("smoke test", [
    {
      title: source === undefined ? "upload" : "upload and fetch",
      run: async () => {
        found.push(
          ...(await smoke(
            controlPlane,
            await smokeAddresses(kubectl, namespace, waited, signal),
            source,
            signal,
          )),
        );
        return [];
      },
    },
  ]);
  report.result("deploy", { namespace, addresses: service, smoke: found });
  report.say(`${found.join("\n")}\n\n${farewell(controlPlane, { addresses: service, namespace })}`);
}
