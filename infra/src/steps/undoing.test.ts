import { expect, it } from "vitest";

import { assemble } from "./shell-step.ts";
import { describePerformed } from "./stage.ts";

describePerformed("undoing", (stage) => {
  it("undoing takes Kubernetes' packet rules away, and nobody else's", async () => {
    const rules = [
      "iptables -N KUBE-SERVICES",
      "iptables -A INPUT -j KUBE-SERVICES",
      "iptables -A INPUT -p tcp --dport 22 -j ACCEPT",
      "iptables -t nat -N FLANNEL-POSTRTG",
      "iptables -t nat -A POSTROUTING -j FLANNEL-POSTRTG",
    ].join("\n");
    const script = assemble("kubeadm").replace(/^kubeadm reset.*$/m, "");
    const { stdout } = await stage.node.run(`${script}\n${rules}\nremove_rules iptables\niptables-save`);
    expect(stdout).toContain("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT");
    expect(stdout).not.toMatch(/KUBE|FLANNEL/);
  });

  it("a file that was there before is put back by reset, and what it adds to a folder goes alone", async () => {
    await stage.node.write("/etc/crictl.yaml", "an operator's own\n");
    await stage.node.write("/etc/containerd/own", "an operator's own\n");
    await stage.perform({ id: "10-before", uses: ["snapshot"] });
    await stage.node.program("containerd", "printf 'version = 2\\n[plugins]\\n  key = 1\\n'");
    await stage.node.program("systemctl", "exit 0");
    const containerd = { SETTINGS: "plugins key 2", CONFIG_VERSION: "2", RESTARTS: "containerd" };
    await stage.perform({ id: "24-containerd", uses: ["serve"], variables: containerd });
    expect(await stage.node.read("/etc/crictl.yaml")).toContain("containerd.sock");
    expect(await stage.perform({ id: "82-undo-programs" })).toContain("/etc/containerd emptied");
    expect(await stage.perform({ id: "87-undo-files" })).toContain("/etc/crictl.yaml as it was");
    expect(await stage.node.read("/etc/crictl.yaml")).toBe("an operator's own\n");
    expect(await stage.node.read("/etc/containerd/own")).toBe("an operator's own\n");
    expect(await stage.node.read("/etc/containerd/config.toml")).toBeUndefined();
  });

  it("what root's kubectl kept of the cluster goes with it, and what it kept of another stays", async () => {
    await stage.node.write("/root/.kube/cache/discovery/another", "x");
    await stage.perform({ id: "10-before", uses: ["snapshot"] });
    await stage.node.write("/root/.kube/cache/discovery/this/v1", "x");
    await stage.node.program("systemctl", "exit 0");
    expect(await stage.perform({ id: "82-undo-programs" })).toContain("/root/.kube/cache emptied");
    expect(await stage.node.read("/root/.kube/cache/discovery/another")).toBe("x");
    expect(await stage.node.read("/root/.kube/cache/discovery/this/v1")).toBeUndefined();
  });

  it("kubelet is not left to be started at boot once its package has gone", async () => {
    await stage.perform({ id: "10-before", uses: ["snapshot"] });
    await stage.node.write("/var/lib/wharf-cluster/packages", "kubelet\n");
    await stage.node.program("dpkg-query", "printf 'ii '");
    for (const name of ["apt-get", "apt-mark", "dpkg"]) await stage.node.program(name, "exit 0");
    await stage.node.program("systemctl", 'echo "$@" >> /opt/asked');
    await stage.perform({ id: "84-undo-packages" });
    expect(await stage.node.read("/opt/asked")).toBe("disable --quiet kubelet\n");
  });

  it("the comparison lists what is there that was not, and what is gone", async () => {
    await stage.node.write("/etc/gone", "x");
    await stage.node.write("/etc/other", "before");
    expect(await stage.perform({ id: "10-before", uses: ["snapshot"] })).toHaveLength(1);
    expect(await stage.perform({ id: "10-before", uses: ["snapshot"] })).toEqual([]);
    await stage.node.run("rm /etc/gone; echo after > /etc/other; touch /opt/left");
    const { facts } = await stage.outcome({ id: "88-compare", uses: ["snapshot"] });
    expect(facts).toContainEqual(["files", "less /etc/gone"]);
    expect(facts).toContainEqual(["files", "more /opt/left"]);
    expect(facts.filter(([kind, what]) => kind === "contents" && what.includes("/etc/other"))).toHaveLength(
      2,
    );
    expect(await stage.node.read("/var/lib/wharf-cluster/before/files")).toBeUndefined();
  });
});
