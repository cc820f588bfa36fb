import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { PrivateNode } from "./private-node.ts";
import { shellStep, type ShellStepDefinition } from "./shell-step.ts";
import type { Outcome } from "./step.ts";
import { testContext } from "./testing.ts";

const needs = ["unshare", "iptables", "curl", "ip"];
const missing = needs.filter((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status !== 0);
const mayUnshare = spawnSync("unshare", ["--mount", "--net", "--uts", "true"]).status === 0;
const lacks = missing.length > 0 ? `: ${missing.join(", ")} missing` : mayUnshare ? "" : ": needs root";

describe.skipIf(lacks !== "")(`steps, performed in namespaces of their own${lacks}`, () => {
  let node: PrivateNode;
  beforeEach(async () => {
    node = await PrivateNode.open("k8s-master");
  });
  afterEach(() => node.close());

  /** Runs one script of this folder. */
  async function perform(
    definition: Omit<ShellStepDefinition, "title" | "variables"> & { variables?: Record<string, string> },
    isDryRun = false,
  ): Promise<readonly string[]> {
    return (await outcome(definition, isDryRun)).changes;
  }
  async function outcome(
    {
      variables = {},
      ...definition
    }: Omit<ShellStepDefinition, "title" | "variables"> & {
      variables?: Record<string, string>;
    },
    isDryRun = false,
  ): Promise<Outcome> {
    const step = shellStep({ ...definition, title: "", variables: () => variables });
    return await step.run(node, await testContext([node], { isDryRun }));
  }

  describe("names", () => {
    const names = { id: "12-names", variables: { NAME: "k8s-master", HOSTS: "192.0.2.11 k8s-master" } };

    it("are a block in /etc/hosts, which is written once", async () => {
      await node.write("/etc/hosts", "127.0.0.1 localhost\n");
      expect(await perform(names)).toContain("/etc/hosts");
      const block = "# wharf-cluster begin\n192.0.2.11 k8s-master\n# wharf-cluster end\n";
      expect(await node.read("/etc/hosts")).toBe(`127.0.0.1 localhost\n${block}`);
      expect(await node.read("/etc/hostname")).toBe("k8s-master\n");
      // The name that the kernel has is this test's namespace's, which is new each time.
      expect(await perform(names)).toEqual(["host name k8s-master"]);
    });

    it("are only spoken of in a dry run", async () => {
      await node.write("/etc/hosts", "127.0.0.1 localhost\n");
      expect(await perform(names, true)).toContain("/etc/hosts");
      expect(await node.read("/etc/hosts")).toBe("127.0.0.1 localhost\n");
    });
  });

  describe("kernel settings", () => {
    it("are made now and for the next boot", async () => {
      await node.program("sysctl", 'echo "$*" >> /opt/calls');
      expect(await perform({ id: "14-kernel" })).toContain("net.ipv4.ip_forward = 1");
      expect(await node.read("/opt/calls")).toContain("-qw net.ipv4.ip_forward=1\n");
      expect(await node.read("/etc/sysctl.d/k8s.conf")).toContain("net.ipv4.ip_forward = 1\n");
      expect(await node.read("/etc/modules-load.d/k8s.conf")).toBe("overlay\nbr_netfilter\n");
    });
  });

  describe("swap", () => {
    it("is taken out of fstab, and put back by reset", async () => {
      const fstab = "/dev/vda1 / ext4 defaults 0 1\n/dev/vda2 none swap sw 0 0\n";
      await node.write("/etc/fstab", fstab);
      await node.program("systemctl", "exit 0");
      await node.program("swapoff", "exit 0");
      expect(await perform({ id: "16-swap" })).toContain("/etc/fstab");
      expect(await node.read("/etc/fstab")).toContain("#wharf-cluster# /dev/vda2 none swap");
      expect(await perform({ id: "16-swap" })).toEqual([]);
      await node.write("/var/lib/wharf-cluster/before/sysctls", "");
      await node.write("/var/lib/wharf-cluster/before/swaps", "");
      await node.write("/var/lib/wharf-cluster/before/hostname", "debian\n");
      expect(await perform({ id: "86-undo-settings" })).toContain("/etc/fstab");
      expect(await node.read("/etc/fstab")).toBe(fstab);
    });
  });

  describe("a part", () => {
    const content = "#!/bin/sh\necho runc\n";
    const sha256 = createHash("sha256").update(content).digest("hex");
    const part = (variables: Record<string, string> = {}) => ({
      id: "22-part-runc",
      script: "22-part",
      uses: ["fetch"],
      variables: {
        PART: "runc",
        VERSION: "1.1.12",
        URL: "file:///opt/files/runc.amd64",
        SHA256: sha256,
        CHECKSUM_URLS: "",
        FOLDER: "/usr/local/sbin",
        PROGRAM: "runc",
        MODE: "755",
        ...variables,
      },
    });
    beforeEach(() => node.write("/opt/files/runc.amd64", content));

    it("is installed once", async () => {
      expect(await perform(part())).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
      expect(await node.read("/usr/local/sbin/runc")).toBe(content);
      await node.write("/opt/files/runc.amd64", "not asked for again");
      expect(await perform(part())).toEqual([]);
    });

    it("is installed again when it is damaged, or another version is wanted", async () => {
      await perform(part());
      await node.write("/usr/local/sbin/runc", "damaged");
      expect(await perform(part())).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
      expect(await perform(part({ VERSION: "1.1.13" }))).toEqual(["runc 1.1.13 in /usr/local/sbin"]);
    });

    it("with another checksum is refused, both are named, and nothing is left of it", async () => {
      const wanted = "0".repeat(64);
      await expect(perform(part({ SHA256: wanted }))).rejects.toThrow(
        `has the SHA-256 ${sha256}, and not ${wanted}`,
      );
      expect(await node.read("/usr/local/sbin/runc")).toBeUndefined();
      expect(await perform(part())).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
    });

    it("is checked against its maker's list, wherever that is", async () => {
      await node.write("/opt/files/runc.sha256sum", `${"0".repeat(64)}  runc.arm64\n${sha256} *runc.amd64\n`);
      const lists = "file:///opt/files/not-there file:///opt/files/runc.sha256sum";
      expect(await perform(part({ SHA256: "", CHECKSUM_URLS: lists }))).toHaveLength(1);
      await node.write("/opt/files/runc.amd64", "another");
      await expect(perform(part({ SHA256: "", CHECKSUM_URLS: lists, VERSION: "2" }))).rejects.toThrow(
        `and not ${sha256}`,
      );
    });

    it("that cannot be reached is named, with what to look at", async () => {
      await expect(perform(part({ URL: "http://127.0.0.1:9/runc" }))).rejects.toMatchObject({
        message: expect.stringContaining("http://127.0.0.1:9/runc cannot be reached") as string,
        hint: expect.stringContaining("network") as string,
      });
    });

    it("of which half was downloaded begins anew", async () => {
      await node.write("/var/lib/wharf-cluster/downloads/runc.part", "half");
      expect(await perform(part())).toHaveLength(1);
      expect(await node.read("/usr/local/sbin/runc")).toBe(content);
    });

    it("is only spoken of in a dry run", async () => {
      expect(await perform(part(), true)).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
      expect(await node.read("/var/lib/wharf-cluster/downloads/runc")).toBeUndefined();
      expect(await node.read("/usr/local/sbin/runc")).toBeUndefined();
    });
  });

  describe("registry mirrors", () => {
    const file = "/etc/containerd/certs.d/_default/hosts.toml";
    const mirrors = (MIRRORS: string, more: Record<string, string> = {}) => ({
      id: "26-registries",
      variables: { MIRRORS, ...more },
    });

    it("are files, and those that are no longer wanted go", async () => {
      await node.write("/etc/containerd/certs.d/own.example/hosts.toml", "an operator's own\n");
      expect(await perform(mirrors("_default http://mirror:5000"))).toEqual([file]);
      expect(await node.read(file)).toContain('server = "http://mirror:5000"\n');
      expect(await perform(mirrors("_default http://mirror:5000"))).toEqual([]);
      expect(await perform(mirrors(""))).toEqual([`${file} removed`]);
      expect(await node.read("/etc/containerd/certs.d/own.example/hosts.toml")).toBe("an operator's own\n");
    });

    it("in a folder are asked there, as somebody, over authorities of their own", async () => {
      await node.write("/etc/wharf-cluster/ca.pem", "PEM");
      await perform(mirrors("docker.io https://harbor.example/v2/hub", { AUTHORIZATION: "Basic eDp5" }));
      const text = await node.read("/etc/containerd/certs.d/docker.io/hosts.toml");
      expect(text).toContain("  override_path = true\n");
      expect(text).toContain('  ca = "/etc/wharf-cluster/ca.pem"\n');
      expect(text).toContain('    Authorization = "Basic eDp5"\n');
    });
  });

  describe("the control plane", () => {
    const step = {
      id: "40-control-plane",
      uses: ["kubeadm", "kubectl"],
      variables: { VERSION: "1.28.9", CONFIG: "kind: InitConfiguration", PATIENCE: "0" },
    };
    const begun = "/var/lib/wharf-cluster/kubeadm-init-begun";
    const calls = async () => (await node.read("/opt/calls")) ?? "";
    beforeEach(async () => {
      await node.program(
        "kubeadm",
        'echo "kubeadm $1" >> /opt/calls; [ "$1" != init ] || [ ! -e /opt/init-fails ]',
      );
      await node.program("kubectl", "[ -e /opt/answers ]");
      await node.program("crictl", "exit 0");
      await node.write("/var/lib/wharf-cluster/here", "");
    });

    it("is made where there is none", async () => {
      expect(await perform(step)).toEqual(["control plane of Kubernetes 1.28.9"]);
      expect(await calls()).toBe("kubeadm config\nkubeadm init\n");
      expect(await node.read(begun)).toBeUndefined();
    });

    it("is left alone where it answers", async () => {
      await node.write("/etc/kubernetes/admin.conf", "x");
      await node.write("/opt/answers", "");
      expect(await perform(step)).toEqual([]);
      expect(await calls()).toBe("");
    });

    it("is never undone because it does not answer", async () => {
      await node.write("/etc/kubernetes/admin.conf", "x");
      await expect(perform(step)).rejects.toThrow("does not answer");
      expect(await calls()).toBe("");
    });

    it("that was cut off while it was made is undone, and made anew", async () => {
      await node.write("/opt/init-fails", "");
      await expect(perform(step)).rejects.toThrow("ended with status 1");
      await node.write("/etc/kubernetes/admin.conf", "x");
      expect(await node.read(begun)).toBe("");
      await node.program("kubeadm", 'echo "kubeadm $1" >> /opt/calls');
      expect(await perform(step)).toEqual([
        "a half-made control plane undone",
        "control plane of Kubernetes 1.28.9",
      ]);
      expect(await calls()).toMatch(/kubeadm reset\nkubeadm config\nkubeadm init\n$/);
    });

    it("that was cut off when it was whole already is left alone", async () => {
      for (const file of [begun, "/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf"])
        await node.write(file, "x");
      await node.write("/opt/answers", "");
      expect(await perform(step)).toEqual([]);
      expect(await calls()).toBe("");
      expect(await node.read(begun)).toBeUndefined();
    });

    it("of somebody else, half-made, is not touched", async () => {
      await node.write("/etc/kubernetes/manifests/etcd.yaml", "x");
      await expect(perform(step)).rejects.toThrow("another kubeadm init left its parts");
      expect(await calls()).toBe("");
    });
  });

  describe("joining", () => {
    const step = (IS_KNOWN: string) => ({
      id: "52-join",
      uses: ["kubeadm"],
      variables: { ENDPOINT: "192.0.2.11:6443", CA: "QUJD", IS_KNOWN, CONFIG: "token: @TOKEN@ end" },
      secrets: () => ({ TOKEN: "abcdef.0123456789abcdef" }),
    });
    const member = async (ca: string) => {
      await node.write("/etc/kubernetes/kubelet.conf", "x");
      await node.write(
        "/etc/kubernetes/pki/ca.crt",
        `-----BEGIN CERTIFICATE-----\n${ca}\n-----END CERTIFICATE-----\n`,
      );
    };
    beforeEach(() =>
      node.program("kubeadm", 'echo "kubeadm $1" >> /opt/calls; [ "$1" = reset ] || cat "$3" >> /opt/calls'),
    );

    it("is done once, with the token in its place", async () => {
      expect(await perform(step("no"))).toEqual(["joined to 192.0.2.11:6443"]);
      expect(await node.read("/opt/calls")).toBe("kubeadm join\ntoken: abcdef.0123456789abcdef end\n");
      await member("QUJD");
      expect(await perform(step("yes"))).toEqual([]);
    });

    it.for([
      ["the control plane does not know", "QUJD", "no"],
      ["has another cluster's authority", "REVG", "yes"],
    ] as const)("undoes a member that %s first", async ([, ca, isKnown]) => {
      await member(ca);
      expect(await perform(step(isKnown))).toEqual([
        "a half-made member undone",
        "joined to 192.0.2.11:6443",
      ]);
      expect(await node.read("/opt/calls")).toMatch(/^kubeadm reset\nkubeadm join\n/);
    });
  });

  it("undoing takes Kubernetes' packet rules away, and nobody else's", async () => {
    const rules = [
      "iptables -N KUBE-SERVICES",
      "iptables -A INPUT -j KUBE-SERVICES",
      "iptables -A INPUT -p tcp --dport 22 -j ACCEPT",
      "iptables -t nat -N FLANNEL-POSTRTG",
      "iptables -t nat -A POSTROUTING -j FLANNEL-POSTRTG",
    ].join("\n");
    const { assemble } = await import("./shell-step.ts");
    const script = assemble("kubeadm").replace(/^kubeadm reset.*$/m, "");
    const { stdout } = await node.run(`${script}\n${rules}\nremove_rules iptables\niptables-save`);
    expect(stdout).toContain("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT");
    expect(stdout).not.toMatch(/KUBE|FLANNEL/);
  });

  it("a file that was there before is put back by reset, and what it adds to a folder goes alone", async () => {
    await node.write("/etc/crictl.yaml", "an operator's own\n");
    await node.write("/etc/containerd/own", "an operator's own\n");
    await perform({ id: "10-before", uses: ["snapshot"] });
    await node.program("containerd", "printf 'version = 2\\n[plugins]\\n  key = 1\\n'");
    await node.program("systemctl", "exit 0");
    const containerd = { SETTINGS: "plugins key 2", CONFIG_VERSION: "2", RESTARTS: "containerd" };
    await perform({ id: "24-containerd", uses: ["serve"], variables: containerd });
    expect(await node.read("/etc/crictl.yaml")).toContain("containerd.sock");
    expect(await perform({ id: "82-undo-programs" })).toContain("/etc/containerd emptied");
    expect(await perform({ id: "87-undo-files" })).toContain("/etc/crictl.yaml as it was");
    expect(await node.read("/etc/crictl.yaml")).toBe("an operator's own\n");
    expect(await node.read("/etc/containerd/own")).toBe("an operator's own\n");
    expect(await node.read("/etc/containerd/config.toml")).toBeUndefined();
  });

  it("the comparison lists what is there that was not, and what is gone", async () => {
    await node.write("/etc/gone", "x");
    await node.write("/etc/other", "before");
    expect(await perform({ id: "10-before", uses: ["snapshot"] })).toHaveLength(1);
    expect(await perform({ id: "10-before", uses: ["snapshot"] })).toEqual([]);
    await node.run("rm /etc/gone; echo after > /etc/other; touch /opt/left");
    const { facts } = await outcome({ id: "88-compare", uses: ["snapshot"] });
    expect(facts).toContainEqual(["files", "less /etc/gone"]);
    expect(facts).toContainEqual(["files", "more /opt/left"]);
    expect(facts.filter(([kind, what]) => kind === "contents" && what.includes("/etc/other"))).toHaveLength(
      2,
    );
    expect(await node.read("/var/lib/wharf-cluster/before/files")).toBeUndefined();
  });
});
