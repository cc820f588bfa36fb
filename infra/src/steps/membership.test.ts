import { beforeEach, describe, expect, it } from "vitest";

import { describePerformed } from "./stage.ts";

describePerformed("becoming a member", (stage) => {
  describe("the control plane", () => {
    const step = {
      id: "40-control-plane",
      uses: ["whose", "kubeadm", "kubectl"],
      variables: { VERSION: "1.28.9", CONFIG: "kind: InitConfiguration", PATIENCE: "0" },
    };
    const begun = "/var/lib/wharf-cluster/kubeadm-init-begun";
    const calls = async () => (await stage.node.read("/opt/calls")) ?? "";
    beforeEach(async () => {
      await stage.node.program(
        "kubeadm",
        'echo "kubeadm $1 $2" >> /opt/calls; [ "$1 $2" != "init --config" ] || [ ! -e /opt/init-fails ]',
      );
      await stage.node.program("kubectl", "[ -e /opt/answers ]");
      await stage.node.program("crictl", "exit 0");
      await stage.node.write("/var/lib/wharf-cluster/here", "");
    });

    it("is made where there is none", async () => {
      expect(await stage.perform(step)).toEqual(["control plane of Kubernetes 1.28.9"]);
      expect(await calls()).toBe("kubeadm config validate\nkubeadm init phase\nkubeadm init --config\n");
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
      await stage.node.program("kubeadm", 'echo "kubeadm $1 $2" >> /opt/calls');
      expect(await stage.perform(step)).toEqual([
        "a half-made control plane undone",
        "control plane of Kubernetes 1.28.9",
      ]);
      expect(await calls()).toMatch(
        /kubeadm reset --force\nkubeadm config validate\nkubeadm init phase\nkubeadm init --config\n$/,
      );
    });

    it("that was cut off when it was whole already is left alone", async () => {
      for (const file of [begun, "/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf"])
        await stage.node.write(file, "x");
      await stage.node.write("/opt/answers", "");
      expect(await stage.perform(step)).toEqual([]);
      expect(await calls()).toBe("");
      expect(await stage.node.read(begun)).toBeUndefined();
    });

    it("that kubeadm refuses before it begins leaves nothing to be undone", async () => {
      await stage.node.program("kubeadm", '[ "$1 $2" != "init phase" ]');
      await expect(stage.perform(step)).rejects.toThrow("ended with status 1");
      expect(await stage.node.read(begun)).toBeUndefined();
    });
  });

  describe("joining", () => {
    const step = (IS_KNOWN: string) => ({
      id: "52-join",
      uses: ["whose", "kubeadm"],
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
    beforeEach(async () => {
      await stage.node.write("/var/lib/wharf-cluster/here", "");
      await stage.node.program(
        "kubeadm",
        'echo "kubeadm $1" >> /opt/calls; [ "$1" = reset ] || cat "$3" >> /opt/calls',
      );
    });

    it("is done once, with the token in its place", async () => {
      expect(await stage.perform(step("no"))).toEqual(["joined to 192.0.2.11:6443"]);
      expect(await stage.node.read("/opt/calls")).toBe("kubeadm join\ntoken: abcdef.0123456789abcdef end\n");
      await member("QUJD");
      expect(await stage.perform(step("yes"))).toEqual([]);
    });

    it.for([
      ["the control plane does not know", "QUJD", "no"],
      ["has the authority of a control plane that is no more", "REVG", "yes"],
    ] as const)("undoes a member that %s first", async ([, ca, isKnown]) => {
      await member(ca);
      expect(await stage.perform(step(isKnown))).toEqual([
        "a half-made member undone",
        "joined to 192.0.2.11:6443",
      ]);
      expect(await stage.node.read("/opt/calls")).toMatch(/^kubeadm reset\nkubeadm join\n/);
    });
  });

  describe("of another cluster", () => {
    const facts = { id: "00-facts", uses: ["whose"], variables: { ADDRESS: "192.0.2.11", PORTS: "" } };
    const foreign = async () => (await stage.outcome(facts)).facts.find(([name]) => name === "foreign")?.[1];
    const authority = "-----BEGIN CERTIFICATE-----\nREVG\n-----END CERTIFICATE-----\n";

    it("is told from a member of ours by the authority that was written down", async () => {
      expect(await foreign()).toBeUndefined();
      await stage.node.write("/etc/kubernetes/pki/ca.crt", authority);
      await stage.node.write("/etc/kubernetes/kubelet.conf", "  server: https://192.0.2.99:6443\n");
      expect(await foreign()).toContain("it belongs to https://192.0.2.99:6443 already");
      await stage.node.write("/var/lib/wharf-cluster/ca", "QUJD\n");
      expect(await foreign()).toContain("which is not of this tool's making");
      await stage.node.write("/var/lib/wharf-cluster/ca", "REVG\n");
      expect(await foreign()).toBeUndefined();
    });

    it("is known by a half-made control plane as well, unless kubeadm began it here", async () => {
      await stage.node.write("/etc/kubernetes/manifests/etcd.yaml", "x");
      expect(await foreign()).toContain("(/etc/kubernetes/manifests/etcd.yaml)");
      await stage.node.write("/var/lib/wharf-cluster/kubeadm-init-begun", "");
      expect(await foreign()).toBeUndefined();
    });

    it("is left alone by reset", async () => {
      await stage.node.program("kubeadm", 'echo "kubeadm $1" >> /opt/calls');
      await stage.node.write("/etc/kubernetes/kubelet.conf", "x");
      expect(await stage.perform({ id: "80-undo-member", uses: ["whose", "kubeadm"] })).toEqual([]);
      expect(await stage.node.read("/opt/calls")).toBeUndefined();
    });
  });

  describe("flannel", () => {
    const MANIFEST = "/opt/kube-flannel.yml";
    const flannel = {
      id: "44-flannel",
      uses: ["kubectl"],
      variables: { VERSION: "0.28.4", PODS: "10.9.0.0/16", MANIFEST },
    };
    beforeEach(() =>
      stage.node.program("kubectl", 'while [ $# -gt 1 ]; do shift; done; cat "$1" > /opt/applied'),
    );

    it("carries packets between the addresses of the inventory, in the range for Pods", async () => {
      const args = "        args:\n        - --ip-masq\n        - --kube-subnet-mgr\n";
      const env = "        env:\n        - name: POD_NAMESPACE\n          value: x\n";
      await stage.node.write(MANIFEST, `${args}${env}  net-conf.json: { "Network": "10.244.0.0/16" }\n`);
      expect(await stage.perform(flannel)).toEqual(["flannel 0.28.4"]);
      expect(await stage.node.read("/opt/applied")).toBe(
        `${args}        - --iface=$(HOST_IP)\n` +
          "        env:\n        - name: HOST_IP\n          valueFrom: {fieldRef: {fieldPath: status.hostIP}}\n" +
          "        - name: POD_NAMESPACE\n          value: x\n" +
          '  net-conf.json: { "Network": "10.9.0.0/16" }\n',
      );
    });

    it("of a form that is not known is refused", async () => {
      await stage.node.write(MANIFEST, 'net-conf.json: { "Network": "10.244.0.0/16" }\n');
      await expect(stage.perform(flannel)).rejects.toThrow("has no place for --iface=");
      expect(await stage.node.read("/opt/applied")).toBeUndefined();
    });
  });

  it("an undoing that was cut off after kubeadm's part is gone through again", async () => {
    const undo = { id: "80-undo-member", uses: ["whose", "kubeadm"] };
    for (const name of ["kubeadm", "systemctl"]) await stage.node.program(name, "exit 0");
    await stage.node.write("/var/lib/wharf-cluster/ca", "QUJD\n");
    await stage.node.write("/var/lib/cni/networks/cbr0/10.244.0.2", "x");
    expect(await stage.perform(undo)).toEqual(["what kubeadm did, undone"]);
    expect(await stage.node.read("/var/lib/cni/networks/cbr0/10.244.0.2")).toBeUndefined();
    expect(await stage.perform(undo)).toEqual([]);
  });

  it("a token is a secret of the cluster, and stands in no process list", async () => {
    await stage.node.program("kubectl", 'echo "$@" >> /opt/calls; [ "$2" != create ] || cat > /opt/secret');
    const token = (ACTION: string) =>
      stage.perform({
        id: "50-token",
        uses: ["kubectl"],
        variables: { ACTION },
        secrets: () => ({ TOKEN: "abcdef.0123456789abcdef" }),
      });
    await token("create");
    await token("delete");
    expect(await stage.node.read("/opt/secret")).toContain('token-secret: "0123456789abcdef"');
    expect(await stage.node.read("/opt/calls")).toContain("delete secret bootstrap-token-abcdef");
    expect(await stage.node.read("/opt/calls")).not.toContain("0123456789abcdef");
  });
});
