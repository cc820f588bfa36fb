import { beforeEach, describe, expect, it } from "vitest";

import { describePerformed } from "./stage.ts";

describePerformed("becoming a member", (stage) => {
  describe("the control plane", () => {
    const step = {
      id: "40-control-plane",
      uses: ["kubeadm", "kubectl"],
      variables: { VERSION: "1.28.9", CONFIG: "kind: InitConfiguration", PATIENCE: "0" },
    };
    const begun = "/var/lib/wharf-cluster/kubeadm-init-begun";
    const calls = async () => (await stage.node.read("/opt/calls")) ?? "";
    beforeEach(async () => {
      await stage.node.program(
        "kubeadm",
        'echo "kubeadm $1" >> /opt/calls; [ "$1" != init ] || [ ! -e /opt/init-fails ]',
      );
      await stage.node.program("kubectl", "[ -e /opt/answers ]");
      await stage.node.program("crictl", "exit 0");
      await stage.node.write("/var/lib/wharf-cluster/here", "");
    });

    it("is made where there is none", async () => {
      expect(await stage.perform(step)).toEqual(["control plane of Kubernetes 1.28.9"]);
      expect(await calls()).toBe("kubeadm config\nkubeadm init\n");
      expect(await stage.node.read(begun)).toBeUndefined();
    });

    it("is left alone where it answers", async () => {
      await stage.node.write("/etc/kubernetes/admin.conf", "x");
      await stage.node.write("/opt/answers", "");
      expect(await stage.perform(step)).toEqual([]);
      expect(await calls()).toBe("");
    });

    it("is never undone because it does not answer", async () => {
      await stage.node.write("/etc/kubernetes/admin.conf", "x");
      await expect(stage.perform(step)).rejects.toThrow("does not answer");
      expect(await calls()).toBe("");
    });

    it("that was cut off while it was made is undone, and made anew", async () => {
      await stage.node.write("/opt/init-fails", "");
      await expect(stage.perform(step)).rejects.toThrow("ended with status 1");
      await stage.node.write("/etc/kubernetes/admin.conf", "x");
      expect(await stage.node.read(begun)).toBe("");
      await stage.node.program("kubeadm", 'echo "kubeadm $1" >> /opt/calls');
      expect(await stage.perform(step)).toEqual([
        "a half-made control plane undone",
        "control plane of Kubernetes 1.28.9",
      ]);
      expect(await calls()).toMatch(/kubeadm reset\nkubeadm config\nkubeadm init\n$/);
    });

    it("that was cut off when it was whole already is left alone", async () => {
      for (const file of [begun, "/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf"])
        await stage.node.write(file, "x");
      await stage.node.write("/opt/answers", "");
      expect(await stage.perform(step)).toEqual([]);
      expect(await calls()).toBe("");
      expect(await stage.node.read(begun)).toBeUndefined();
    });

    it("of somebody else, half-made, is not touched", async () => {
      await stage.node.write("/etc/kubernetes/manifests/etcd.yaml", "x");
      await expect(stage.perform(step)).rejects.toThrow("another kubeadm init left its parts");
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
      await stage.node.write("/etc/kubernetes/kubelet.conf", "x");
      await stage.node.write(
        "/etc/kubernetes/pki/ca.crt",
        `-----BEGIN CERTIFICATE-----\n${ca}\n-----END CERTIFICATE-----\n`,
      );
    };
    beforeEach(() =>
      stage.node.program(
        "kubeadm",
        'echo "kubeadm $1" >> /opt/calls; [ "$1" = reset ] || cat "$3" >> /opt/calls',
      ),
    );

    it("is done once, with the token in its place", async () => {
      expect(await stage.perform(step("no"))).toEqual(["joined to 192.0.2.11:6443"]);
      expect(await stage.node.read("/opt/calls")).toBe("kubeadm join\ntoken: abcdef.0123456789abcdef end\n");
      await member("QUJD");
      expect(await stage.perform(step("yes"))).toEqual([]);
    });

    it.for([
      ["the control plane does not know", "QUJD", "no"],
      ["has another cluster's authority", "REVG", "yes"],
    ] as const)("undoes a member that %s first", async ([, ca, isKnown]) => {
      await member(ca);
      expect(await stage.perform(step(isKnown))).toEqual([
        "a half-made member undone",
        "joined to 192.0.2.11:6443",
      ]);
      expect(await stage.node.read("/opt/calls")).toMatch(/^kubeadm reset\nkubeadm join\n/);
    });
  });
});
