import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

import { FakeNode } from "../node/fake-node.ts";
import { testVerb } from "../steps/testing.ts";
import { node } from "./node.ts";
import { reset } from "./reset.ts";
import { up } from "./up.ts";

const FIT = "fact: architecture=amd64\nfact: cgroup=2\nfact: lowersOomScore=yes\nfact: hasAddress=yes\n";
const KUBECONFIG = "apiVersion: v1\nkind: Config\n";
let ca: string;

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "wharf-ca-"));
  const args = "req -x509 -newkey rsa:2048 -nodes -subj /CN=kubernetes -keyout key.pem -out ca.pem".split(
    " ",
  );
  execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });
  ca = readFileSync(join(folder, "ca.pem"), "utf8").replace(/-----.*-----|\s/g, "");
});

/** Two nodes on which all is as it should be, unless told otherwise. */
function cluster() {
  const [master, worker] = ["k8s-master", "k8s-worker"].map((name) =>
    new FakeNode(name)
      .on(() => true, "")
      .on("00-facts", FIT)
      .on("90-kubeconfig", KUBECONFIG)
      .on("48-members", () => `fact: ca=${ca}\nfact: nodes=k8s-master k8s-worker\n`),
  ) as [FakeNode, FakeNode];
  return { master, worker };
}

const stepsOf = (one: FakeNode) => one.ran.map(({ options }) => options.step);
const ranOn = (one: FakeNode, step: string) => one.ran.filter(({ options }) => options.step === step);

describe("up", () => {
  it("does everything in order, the control plane's part only there", async () => {
    const { master, worker } = cluster();
    const { verb } = testVerb([master, worker]);
    expect(await up.run(verb)).toBe(0);
    const prepared = [
      "00-facts",
      "10-before",
      "12-names",
      "14-kernel",
      "16-swap",
      "18-trust",
      "20-repository",
      "21-packages",
      "22-part-containerd",
      "22-part-runc",
      "22-part-cniPlugins",
      "22-part-crictl",
      "22-part-flannel",
      "22-part-metricsServer",
      "24-containerd",
      "26-registries",
      "28-kubelet",
      "30-images",
    ];
    expect(stepsOf(worker)).toEqual([...prepared, "52-join"]);
    expect(stepsOf(master)).toEqual([
      ...prepared,
      "40-control-plane",
      "42-administrator",
      "44-flannel",
      "46-metrics-server",
      "48-members",
      "60-ready",
      "90-kubeconfig",
    ]);
  });

  it("keeps the administrator's kubeconfig for the operator alone, and says so once", async () => {
    const { master, worker } = cluster();
    const { verb, inventory, told } = testVerb([master, worker]);
    await up.run(verb);
    const file = join(inventory.stateFolder, "admin.conf");
    expect(readFileSync(file, "utf8")).toBe(KUBECONFIG);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(ranOn(master, "90-kubeconfig")[0]?.options.hasSecretOutput).toBe(true);
    expect(told.filter((line) => line.includes(`changed: ${file}`))).toHaveLength(1);
    await up.run(verb);
    expect(told.filter((line) => line.includes(`changed: ${file}`))).toHaveLength(1);
  });

  it("makes no token where every node is a member", async () => {
    const { master, worker } = cluster();
    await up.run(testVerb([master, worker]).verb);
    expect(stepsOf(master)).not.toContain("50-token");
    expect(ranOn(worker, "52-join")[0]?.options.variables).toMatchObject({ DRY_RUN: "1", IS_KNOWN: "yes" });
  });

  it("joins a node with a token that is a secret, and takes it back", async () => {
    const { master, worker } = cluster();
    worker.on("52-join", "changed: joined\n");
    await up.run(testVerb([master, worker]).verb);
    const [asked, joined] = ranOn(worker, "52-join");
    expect(asked?.options.variables?.["DRY_RUN"]).toBe("1");
    expect(joined?.options.variables?.["DRY_RUN"]).toBe("0");
    expect(joined?.options.variables?.["CONFIG"]).toMatch(/sha256:[0-9a-f]{64}/);
    const token = joined?.options.secrets?.["TOKEN"];
    expect(token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
    expect(JSON.stringify(joined?.options.variables)).not.toContain(token);
    expect(
      ranOn(master, "50-token").map(({ options }) => [options.variables?.["ACTION"], options.secrets]),
    ).toEqual([
      ["create", { TOKEN: token }],
      ["delete", { TOKEN: token }],
    ]);
  });

  it("takes the token back when a node could not join, and tells of that failure", async () => {
    const { master, worker } = cluster();
    worker.on(({ options }) => options.step === "52-join" && options.variables?.["DRY_RUN"] === "0", {
      status: 1,
      stderr: "kubeadm: no route to host\n",
    });
    worker.on(
      ({ options }) => options.step === "52-join" && options.variables?.["DRY_RUN"] === "1",
      "changed: joined\n",
    );
    await expect(up.run(testVerb([master, worker]).verb)).rejects.toThrow("k8s-worker: 52-join");
    expect(ranOn(master, "50-token")).toHaveLength(2);
    expect(stepsOf(master)).not.toContain("60-ready");
  });

  it("changes nothing in a dry run, and waits for nothing", async () => {
    const { master, worker } = cluster();
    for (const one of [master, worker]) one.on("48-members", "").on("52-join", "changed: joined\n");
    const { verb, told } = testVerb([master, worker], { isDryRun: true });
    await up.run(verb);
    const ran = [...master.ran, ...worker.ran].filter(({ options }) => options.step !== "90-kubeconfig");
    expect(ran.map(({ options }) => options.variables?.["DRY_RUN"])).toEqual(ran.map(() => "1"));
    expect(stepsOf(master)).not.toContain("50-token");
    expect(stepsOf(master)).not.toContain("60-ready");
    expect(told.join("\n")).toContain("joined");
  });

  it("touches no node when one of them is unfit", async () => {
    const { master, worker } = cluster();
    worker.on("00-facts", "fact: architecture=riscv64\n");
    await expect(up.run(testVerb([master, worker]).verb)).rejects.toMatchObject({ code: "NODE_UNFIT" });
    expect([...stepsOf(master), ...stepsOf(worker)]).toEqual(["00-facts", "00-facts"]);
  });

  it("tells a step's own words for what went wrong, with its remedy", async () => {
    const { master, worker } = cluster();
    const stderr =
      "swapoff: /swap: Cannot allocate memory\nerror: swap on /swap cannot be turned off\nfix: free memory\n";
    worker.on("16-swap", { status: 1, stderr });
    await expect(up.run(testVerb([master, worker]).verb)).rejects.toMatchObject({
      code: "NODE_COMMAND_FAILED",
      message: "k8s-worker: 16-swap: swap on /swap cannot be turned off",
      hint: "free memory",
      stderr: "swapoff: /swap: Cannot allocate memory\n",
    });
  });

  it("gives kubelet and containerd what a container needs, and only there", async () => {
    const { master, worker } = cluster();
    worker.on("00-facts", `${FIT}fact: lowersOomScore=no\n`);
    await up.run(testVerb([master, worker]).verb);
    const variables = (one: FakeNode, step: string) => ranOn(one, step)[0]?.options.variables;
    expect(variables(master, "28-kubelet")?.["EXTRA_ARGS"]).toBe("");
    expect(variables(worker, "28-kubelet")?.["EXTRA_ARGS"]).toBe(
      "--feature-gates=KubeletInUserNamespace=true",
    );
    expect(variables(master, "24-containerd")?.["SETTINGS"]).not.toContain("restrict_oom_score_adj");
    expect(variables(worker, "24-containerd")?.["SETTINGS"]).toContain("restrict_oom_score_adj true");
  });

  it("remembers what was downloaded", async () => {
    const { master, worker } = cluster();
    const url = "http://mirror.example/flannel-io/flannel/releases/download/v0.25.1/kube-flannel.yml";
    master.on("22-part-flannel", `changed: flannel\nseen: ${url} abc\n`);
    const { verb, inventory } = testVerb([master, worker]);
    await up.run(verb);
    const seen = JSON.parse(
      readFileSync(join(inventory.stateFolder, "seen-checksums.json"), "utf8"),
    ) as unknown;
    expect(seen).toEqual({ [url]: "abc" });
    await up.run(verb);
    expect(ranOn(worker, "22-part-flannel")[1]?.options.variables?.["SHA256"]).toBe("abc");
  });
});

describe("reset", () => {
  it("undoes every node, lists what stayed, and forgets the kubeconfig", async () => {
    const { master, worker } = cluster();
    worker.on("88-compare", "fact: modules=more overlay\n");
    const { verb, told, results, inventory } = testVerb([master, worker]);
    await up.run(verb);
    expect(await reset.run(verb)).toBe(0);
    const undone = [
      "80-undo-member",
      "82-undo-programs",
      "84-undo-packages",
      "86-undo-settings",
      "87-undo-files",
      "88-compare",
    ];
    expect(stepsOf(master).slice(-6)).toEqual(undone);
    expect(stepsOf(worker).slice(-6)).toEqual(undone);
    expect(results["left"]).toEqual({ "k8s-master": [], "k8s-worker": [["modules", "more overlay"]] });
    expect(told).toContain("  modules: more overlay");
    expect(existsSync(join(inventory.stateFolder, "admin.conf"))).toBe(false);
  });

  it("is not taken for one node's", async () => {
    const { master, worker } = cluster();
    const { verb } = testVerb([master, worker], { positionals: ["k8s-worker"] });
    await expect(reset.run(verb)).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("node remove") as string,
    });
    expect([...master.ran, ...worker.ran]).toEqual([]);
  });

  it("does nothing to anything unless it is told to", async () => {
    const { master, worker } = cluster();
    const { verb } = testVerb([master, worker]);
    expect(await reset.run({ ...verb, confirm: () => Promise.resolve(false) })).toBe(1);
    expect([...master.ran, ...worker.ran]).toEqual([]);
  });
});

describe("node", () => {
  it("add prepares and joins that node alone", async () => {
    const { master, worker } = cluster();
    worker.on("52-join", "changed: joined\n");
    expect(await node.run(testVerb([master, worker], { positionals: ["add", "k8s-worker"] }).verb)).toBe(0);
    expect(stepsOf(worker)).toContain("24-containerd");
    expect(stepsOf(master)).toEqual(["48-members", "51-forget", "50-token", "50-token", "60-ready"]);
    expect(ranOn(master, "60-ready")[0]?.options.variables?.["NODES"]).toBe("k8s-worker");
  });

  it("remove drains it first, and then undoes what was done", async () => {
    const { master, worker } = cluster();
    expect(await node.run(testVerb([master, worker], { positionals: ["remove", "k8s-worker"] }).verb)).toBe(
      0,
    );
    expect(stepsOf(master)).toEqual(["70-drain"]);
    expect(stepsOf(worker)[0]).toBe("80-undo-member");
  });

  it("remove leaves it as it is when Pods cannot leave it", async () => {
    const { master, worker } = cluster();
    master.on("70-drain", { status: 1, stderr: "error: not every Pod could leave\nfix: --force\n" });
    const { verb } = testVerb([master, worker], { positionals: ["remove", "k8s-worker"] });
    await expect(node.run(verb)).rejects.toThrow("not every Pod could leave");
    expect(worker.ran).toEqual([]);
  });

  it("remove --force does not need it to answer", async () => {
    const { master, worker } = cluster();
    worker.on(() => true, new Error("no route to host"));
    const { verb, told } = testVerb([master, worker], {
      positionals: ["remove", "k8s-worker"],
      values: { force: true },
    });
    expect(await node.run(verb)).toBe(0);
    expect(told.join("\n")).toContain("could not be undone");
  });

  it.for([
    ["nothing", []],
    ["no node", ["add"]],
    ["another word", ["drain", "k8s-worker"]],
    ["a node that there is not", ["add", "k8s-other"]],
    ["the control plane", ["remove", "k8s-master"]],
    ["add by force", ["add", "k8s-worker"], { force: true }],
    ["remove with a bundle", ["remove", "k8s-worker"], { bundle: "a.tar" }],
  ] as const)("refuses %s", async ([, positionals, values = {}]) => {
    const { master, worker } = cluster();
    await expect(node.run(testVerb([master, worker], { positionals, values }).verb)).rejects.toMatchObject({
      code: "USAGE",
    });
    expect([...master.ran, ...worker.ran]).toEqual([]);
  });
});
