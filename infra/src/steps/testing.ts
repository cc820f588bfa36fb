import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { plainView } from "../cli/plain-view.ts";
import { Recorder } from "../cli/recorder.ts";
import type { VerbContext } from "../cli/verb.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Node } from "../node/node.ts";
import type { Profile } from "../profiles/profile.ts";
import { SeenChecksums } from "./seen-checksums.ts";
import type { StepContext } from "./step.ts";

/** An inventory of two nodes for tests, with a mirror. Its state folder is new. */
export function testInventory(changes: Partial<Inventory> = {}): Inventory {
  const folder = mkdtempSync(join(tmpdir(), "wharf-state-"));
  return {
    file: join(folder, "cluster.yaml"),
    stateFolder: join(folder, "cluster.state"),
    profile: "v1.28",
    nodes: [
      { name: "k8s-master", address: "192.0.2.11", role: "control-plane", ssh: {} },
      { name: "k8s-worker", address: "192.0.2.12", role: "worker", ssh: {} },
    ],
    pods: "10.244.0.0/16",
    services: "10.96.0.0/12",
    sources: {
      imageRepository: "mirror.example/google_containers",
      releases: "http://mirror.example",
      packages: "http://mirror.example",
      registryMirrors: { _default: "http://mirror.example:5000" },
    },
    parts: {},
    deploy: { overlay: "hostpath", components: [], namespace: "wharf", allowNetworks: [] },
    ...changes,
  };
}

export const testProfile: Profile = {
  name: "v1.28",
  kubernetes: "1.28.9",
  containerd: { version: "1.7.16" },
  runc: { version: "1.1.12" },
  cniPlugins: { version: "1.4.1" },
  crictl: { version: "1.28.0" },
  flannel: { version: "0.25.1" },
  metricsServer: { version: "0.7.1" },
  pause: "3.9",
  etcd: "3.5.12-0",
  coredns: "v1.10.1",
  containerdConfig: 2,
  kubeadmApi: "v1beta3",
  refusesCgroupV1: false,
};

/** What a verb is run with in tests: everything asked is answered with yes, and `told` is what the operator reads. */
export function testVerb(
  nodes: readonly [Node, ...Node[]],
  changes: { isDryRun?: boolean; positionals?: readonly string[]; values?: VerbContext["values"] } = {},
): {
  verb: VerbContext;
  told: string[];
  phases: Recorder["phases"];
  results: Recorder["results"];
  inventory: Inventory;
} {
  const inventory = testInventory();
  const told: string[] = [];
  const isDryRun = changes.isDryRun ?? false;
  const report = new Recorder(plainView((text) => told.push(text.trimEnd()), isDryRun));
  const verb: VerbContext = {
    options: { isDryRun, isJson: false, isVerbose: false, isYes: true },
    values: changes.values ?? {},
    positionals: changes.positionals ?? [],
    report,
    environment: {},
    folder: "/",
    inventoryFile: inventory.file,
    signal: new AbortController().signal,
    confirm: () => Promise.resolve(true),
    cluster: () => Promise.resolve({ inventory, profile: testProfile, nodes, controlPlane: nodes[0] }),
  };
  return { verb, told, phases: report.phases, results: report.results, inventory };
}

/** What a step is given in tests. The first node is the control plane. */
export async function testContext(
  nodes: readonly [Node, ...Node[]],
  changes: Partial<StepContext> = {},
): Promise<StepContext> {
  const inventory = changes.inventory ?? testInventory();
  return {
    inventory,
    profile: testProfile,
    nodes,
    controlPlane: nodes[0],
    facts: new Map(),
    seenChecksums: await SeenChecksums.open(join(inventory.stateFolder, "seen-checksums.json")),
    isDryRun: false,
    signal: new AbortController().signal,
    ...changes,
  };
}
