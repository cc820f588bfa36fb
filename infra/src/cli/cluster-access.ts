import { mkdtempSync, rmSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";

import type { Inventory } from "../inventory/inventory.ts";
import { makeStateFolder } from "../inventory/state-folder.ts";
import { Secrets } from "../node/secrets.ts";
import { SshNode, type SshNodeOptions } from "../node/ssh-node.ts";
import { Transcript } from "../node/transcript.ts";
import { profiles } from "../profiles/profiles.ts";
import type { ClusterAccess, ClusterRequest } from "./run.ts";
import type { Cluster } from "./verb.ts";

/** An earlier run that was killed is noticed by the nodes after 40 seconds, and ended within 15 more. */
const PATIENCE_SECONDS = 90;
/** apt and kubeadm leave less behind when they may end by themselves. */
const GRACE_SECONDS = 10;

/** Reads the inventory when it is first asked for, and connects to a node when something is first run on it. */
export function openCluster(request: ClusterRequest): ClusterAccess {
  let opened:
    | { cluster: Cluster; nodes: readonly SshNode[]; transcript: Transcript; sockets: string }
    | undefined;
  return {
    cluster: async () => {
      // Loaded only now: what checks inventories takes longer to load than everything else together.
      const { readInventory } = await import("../inventory/read.ts");
      opened ??= open(request, readInventory(request.file, request.environment));
      return opened.cluster;
    },
    get transcript() {
      return opened?.transcript.isBegun === true ? opened.transcript.file : undefined;
    },
    async close() {
      if (opened === undefined) return;
      await Promise.all(opened.nodes.map((node) => node.close()));
      rmSync(opened.sockets, { recursive: true, force: true });
    },
  };
}

function open(request: ClusterRequest, inventory: Inventory) {
  const { verb, isDryRun, signal, notice, echo } = request;
  const { stateFolder } = inventory;
  makeStateFolder(stateFolder);
  const secrets = new Secrets();
  for (const credentials of [inventory.sources.credentials, inventory.deploy.registryCredentials]) {
    const password = request.environment[credentials?.passwordVariable ?? ""];
    if (credentials === undefined || password === undefined) continue;
    secrets.add(password);
    // As HTTP's Basic has it, in base64.
    secrets.add(`${credentials.user}:${password}`);
  }
  const transcript = new Transcript(
    // Two runs may begin in the same second.
    join(stateFolder, "logs", `${timestamp()}-${verb.name}-${process.pid}.log`),
    secrets,
    echo,
  );
  // Sockets' paths are limited to about 100 bytes: not in the state folder, nor in a deep TMPDIR.
  const sockets = mkdtempSync("/tmp/wharf-");
  let count = 0;
  const options: SshNodeOptions = {
    knownHosts: join(stateFolder, "known_hosts"),
    holder: verb.changesNodes === true && !isDryRun ? holderOf(verb.name) : undefined,
    patienceSeconds: PATIENCE_SECONDS,
    graceSeconds: GRACE_SECONDS,
    notice,
    transcript,
    secrets,
    signal,
    newSocket: () => join(sockets, String((count += 1))),
  };
  const nodes = inventory.nodes.map((spec) => new SshNode(spec, options));
  return { cluster: clusterOf(inventory, nodes), nodes, transcript, sockets };
}

function clusterOf(inventory: Inventory, nodes: readonly SshNode[]): Cluster {
  const known = profiles.get(inventory.profile);
  const controlPlane = nodes[inventory.nodes.findIndex(({ role }) => role === "control-plane")];
  if (known === undefined || controlPlane === undefined) throw new Error("the inventory was not checked");
  return {
    inventory,
    profile: { ...known, kubernetes: inventory.kubernetes ?? known.kubernetes },
    nodes,
    controlPlane,
  };
}

/** As another run is told it: `up by alice on laptop since 2026-01-31T12:00:00Z`. */
function holderOf(verb: string): string {
  return `${verb} by ${userInfo().username} on ${hostname()} since ${new Date().toISOString()}`;
}

/** Sorts by time, and needs no quoting: `20260131T120000Z`. */
function timestamp(): string {
  return new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
}
