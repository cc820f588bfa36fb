import { expect, test } from "vitest";

import { silentView } from "../cli/plain-view.ts";
import { Recorder } from "../cli/recorder.ts";
import type { VerbContext } from "../cli/verb.ts";
import type { Finding } from "../doctor/finding.ts";
import { NodeUnreachableError } from "../errors.ts";
import { presets } from "../inventory/presets.ts";
import { FakeNode } from "../node/fake-node.ts";
import { profiles } from "../profiles/profiles.ts";
import { doctor } from "./doctor.ts";

const facts = {
  machine:
    "os\tdebian\t\tDebian 12\ninit\tsystemd\narchitecture\tamd64\nkernel\t6.1.0\ncgroup\tcgroup2fs\ncores\t2\nmemory\t4000000\nhostname\t",
  reach: "url\thttps://example.org/f\t200\t0.1\t\n",
};

function healthy(name: string): FakeNode {
  return new FakeNode(name)
    .on("clock", () => `${Date.now()}\n`)
    .on("machine.sh", `${facts.machine}${name}\n`)
    .on("taken.sh", "")
    .on("reach.sh", facts.reach);
}

/** Runs it, and resolves to its exit status, its findings and what was said. */
async function examine(...nodes: readonly FakeNode[]) {
  const specs = nodes.map(({ name }, index) => ({
    name,
    address: `192.0.2.1${index}`,
    role: index === 0 ? "control-plane" : "worker",
    ssh: {},
  }));
  const inventory = { nodes: specs, sources: presets.official, parts: {}, deploy: {} };
  const said: string[] = [];
  const recorder = new Recorder({ ...silentView, say: (text) => void said.push(text) });
  const context = {
    options: { isDryRun: false, isJson: false, isVerbose: false, isYes: false },
    environment: {},
    signal: new AbortController().signal,
    report: recorder,
    cluster: () =>
      Promise.resolve({ inventory, profile: profiles.get("v1.37"), nodes, controlPlane: nodes[0] }),
  } as unknown as VerbContext;
  const status = await doctor.run(context);
  const tasks = recorder.phases.flatMap((phase) => phase.tasks);
  return {
    status,
    said: said.join("\n"),
    tasks,
    findings: recorder.results["findings"] as readonly Finding[],
  };
}

test("nodes that are well end in 0", async () => {
  const { status, findings } = await examine(healthy("k8s-master"), healthy("k8s-worker"));
  expect(findings.filter(({ where, level }) => where.startsWith("k8s") && level === "error")).toEqual([]);
  expect(status).toBe(0);
});

test("a node that cannot be logged in to is an error, and the others are looked at all the same", async () => {
  const away = new FakeNode("k8s-worker").on(
    /./,
    new NodeUnreachableError("k8s-worker", "permission denied", "ssh root@192.0.2.11", "another key?"),
  );
  const { status, said, tasks, findings } = await examine(healthy("k8s-master"), away);
  expect(status).toBe(1);
  expect(Object.fromEntries(tasks.map(({ node, error }) => [node, error]))).toEqual({
    "k8s-master": undefined,
    "k8s-worker": "k8s-worker: permission denied",
  });
  expect(said).toContain("error    k8s-worker: login: permission denied\n         fix: another key?");
  expect(findings).toContainEqual({ where: "k8s-master", check: "system", level: "ok", text: "Debian 12" });
});

test("what nobody foresaw is told as it is", async () => {
  const broken = new FakeNode("k8s-worker").on(/./, new TypeError("a mistake of ours"));
  const away = new FakeNode("k8s-master").on(/./, new NodeUnreachableError("k8s-master", "away", "ssh"));
  await expect(examine(away, broken)).rejects.toThrow("a mistake of ours");
});

test("each node is asked for the way to the others", async () => {
  const [master, worker] = [healthy("k8s-master"), healthy("k8s-worker")];
  await examine(master, worker);
  const asked = (node: FakeNode) =>
    node.ran.find(({ options }) => options.step === "reach.sh")?.options.variables?.["PEERS"];
  expect(asked(master)).toBe("k8s-worker,192.0.2.11,tcp,10250 k8s-worker,192.0.2.11,udp,8472");
  expect(asked(worker)).toBe(
    "k8s-master,192.0.2.10,tcp,6443 k8s-master,192.0.2.10,tcp,10250 k8s-master,192.0.2.10,udp,8472",
  );
});
