import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";

import { describePerformed } from "./stage.ts";

describePerformed("preparing a node", (stage) => {
  it("leaves a way to a bundle for apt's own user, and none to what was written down", async () => {
    const asNobody = (command: string) =>
      stage.node.run(`chmod 755 /var/lib; setpriv --reuid=65534 --regid=65534 --clear-groups ${command}`);
    await stage.node.write("/var/lib/wharf-cluster/bundle/files/InRelease", "a repository");
    await stage.node.run("chmod 700 /var/lib/wharf-cluster");
    await stage.perform({ id: "10-before", uses: ["snapshot"] });
    const { stdout } = await asNobody("cat /var/lib/wharf-cluster/bundle/files/InRelease");
    expect(stdout).toBe("a repository");
    await expect(asNobody("cat /var/lib/wharf-cluster/before/files")).rejects.toThrow("ended with status 1");
    await expect(asNobody("ls /var/lib/wharf-cluster")).rejects.toThrow("ended with status 2");
    await stage.node.run("chmod 700 /var/lib/wharf-cluster");
    expect(await stage.perform({ id: "10-before", uses: ["snapshot"] })).toEqual([]);
    expect((await asNobody("cat /var/lib/wharf-cluster/bundle/files/InRelease")).stdout).toBe("a repository");
  });

  describe("names", () => {
    const names = { id: "12-names", variables: { NAME: "k8s-master", HOSTS: "192.0.2.11 k8s-master" } };

    it("are a block in /etc/hosts, which is written once", async () => {
      await stage.node.write("/etc/hosts", "127.0.0.1 localhost\n");
      expect(await stage.perform(names)).toContain("/etc/hosts");
      const block = "# wharf-cluster begin\n192.0.2.11 k8s-master\n# wharf-cluster end\n";
      expect(await stage.node.read("/etc/hosts")).toBe(`127.0.0.1 localhost\n${block}`);
      expect(await stage.node.read("/etc/hostname")).toBe("k8s-master\n");
      // The name that the kernel has is this test's namespace's, which is new each time.
      expect(await stage.perform(names)).toEqual(["host name k8s-master"]);
    });

    it("are only spoken of in a dry run", async () => {
      await stage.node.write("/etc/hosts", "127.0.0.1 localhost\n");
      expect(await stage.perform(names, true)).toContain("/etc/hosts");
      expect(await stage.node.read("/etc/hosts")).toBe("127.0.0.1 localhost\n");
    });
  });

  describe("kernel settings", () => {
    it("are made now and for the next boot", async () => {
      await stage.node.program("sysctl", 'echo "$*" >> /opt/calls');
      expect(await stage.perform({ id: "14-kernel" })).toContain("net.ipv4.ip_forward = 1");
      expect(await stage.node.read("/opt/calls")).toContain("-qw net.ipv4.ip_forward=1\n");
      expect(await stage.node.read("/etc/sysctl.d/k8s.conf")).toContain("net.ipv4.ip_forward = 1\n");
      expect(await stage.node.read("/etc/modules-load.d/k8s.conf")).toBe("overlay\nbr_netfilter\n");
    });
  });

  describe("swap", () => {
    it("is taken out of fstab, and put back by reset", async () => {
      const fstab = "/dev/vda1 / ext4 defaults 0 1\n/dev/vda2 none swap sw 0 0\n";
      await stage.node.write("/etc/fstab", fstab);
      await stage.node.program("systemctl", "exit 0");
      await stage.node.program("swapoff", "exit 0");
      expect(await stage.perform({ id: "16-swap" })).toContain("/etc/fstab");
      expect(await stage.node.read("/etc/fstab")).toContain("#wharf-cluster# /dev/vda2 none swap");
      expect(await stage.perform({ id: "16-swap" })).toEqual([]);
      await stage.node.write("/var/lib/wharf-cluster/before/sysctls", "");
      await stage.node.write("/var/lib/wharf-cluster/before/swaps", "");
      await stage.node.write("/var/lib/wharf-cluster/before/hostname", "debian\n");
      expect(await stage.perform({ id: "86-undo-settings" })).toContain("/etc/fstab");
      expect(await stage.node.read("/etc/fstab")).toBe(fstab);
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
    beforeEach(() => stage.node.write("/opt/files/runc.amd64", content));

    it("is installed once", async () => {
      expect(await stage.perform(part())).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
      expect(await stage.node.read("/usr/local/sbin/runc")).toBe(content);
      await stage.node.write("/opt/files/runc.amd64", "not asked for again");
      expect(await stage.perform(part())).toEqual([]);
    });

    it("is installed again when it is damaged, or another version is wanted", async () => {
      await stage.perform(part());
      await stage.node.write("/usr/local/sbin/runc", "damaged");
      expect(await stage.perform(part())).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
      expect(await stage.perform(part({ VERSION: "1.1.13" }))).toEqual(["runc 1.1.13 in /usr/local/sbin"]);
    });

    it("with another checksum is refused, both are named, and nothing is left of it", async () => {
      const wanted = "0".repeat(64);
      await expect(stage.perform(part({ SHA256: wanted }))).rejects.toThrow(
        `has the SHA-256 ${sha256}, and not ${wanted}`,
      );
      expect(await stage.node.read("/usr/local/sbin/runc")).toBeUndefined();
      expect(await stage.perform(part())).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
    });

    it("is checked against its maker's list, wherever that is", async () => {
      await stage.node.write(
        "/opt/files/runc.sha256sum",
        `${"0".repeat(64)}  runc.arm64\n${sha256} *runc.amd64\n`,
      );
      const lists = "file:///opt/files/not-there file:///opt/files/runc.sha256sum";
      expect(await stage.perform(part({ SHA256: "", CHECKSUM_URLS: lists }))).toHaveLength(1);
      await stage.node.write("/opt/files/runc.amd64", "another");
      await expect(stage.perform(part({ SHA256: "", CHECKSUM_URLS: lists, VERSION: "2" }))).rejects.toThrow(
        `and not ${sha256}`,
      );
    });

    it("that cannot be reached is named, with what to look at", async () => {
      await expect(stage.perform(part({ URL: "http://127.0.0.1:9/runc" }))).rejects.toMatchObject({
        message: expect.stringContaining("http://127.0.0.1:9/runc cannot be reached") as string,
        hint: expect.stringContaining("network") as string,
      });
    });

    it("of which half was downloaded begins anew", async () => {
      await stage.node.write("/var/lib/wharf-cluster/downloads/runc.part", "half");
      expect(await stage.perform(part())).toHaveLength(1);
      expect(await stage.node.read("/usr/local/sbin/runc")).toBe(content);
    });

    it("is only spoken of in a dry run", async () => {
      expect(await stage.perform(part(), true)).toEqual(["runc 1.1.12 in /usr/local/sbin"]);
      expect(await stage.node.read("/var/lib/wharf-cluster/downloads/runc")).toBeUndefined();
      expect(await stage.node.read("/usr/local/sbin/runc")).toBeUndefined();
    });
  });

  it("authorities are trusted for downloads, for as long as the inventory names them", async () => {
    const trust = (CA: string) => ({ id: "18-trust", variables: { CA } });
    const files = [
      "/etc/wharf-cluster/ca.pem",
      "/etc/wharf-cluster/bundle.pem",
      "/etc/apt/apt.conf.d/90wharf-cluster",
    ];
    expect(await stage.perform(trust("PEM"))).toEqual(files);
    expect(await stage.perform(trust("PEM"))).toEqual([]);
    expect(await stage.perform(trust(""), true)).toEqual(files.map((file) => `${file} removed`));
    expect(await stage.perform(trust(""))).toEqual(files.map((file) => `${file} removed`));
    expect(await stage.perform(trust(""))).toEqual([]);
  });

  describe("the apt repository", () => {
    it("is told who asks for as long as it is to be", async () => {
      await stage.node.write("/opt/deb/Release.key", "key");
      await stage.node.program("dpkg", "exit 0");
      const file = "/etc/apt/auth.conf.d/wharf-cluster.conf";
      const repository = (APT_AUTH: string) => ({
        id: "20-repository",
        uses: ["fetch", "apt"],
        variables: { URL: "file:///opt/deb", APT_AUTH },
      });
      expect(await stage.perform(repository("machine mirror.example login me password secret"))).toContain(
        file,
      );
      expect(await stage.perform(repository(""), true)).toEqual([`${file} removed`]);
      expect(await stage.perform(repository(""))).toEqual([`${file} removed`]);
      expect(await stage.node.read(file)).toBeUndefined();
    });
  });

  describe("registry mirrors", () => {
    const file = "/etc/containerd/certs.d/_default/hosts.toml";
    const mirrors = (REGISTRIES: string, more: Record<string, string> = {}) => ({
      id: "26-registries",
      variables: { REGISTRIES, ...more },
    });

    it("are files, and those that are no longer wanted go", async () => {
      await stage.node.write("/etc/containerd/certs.d/own.example/hosts.toml", "an operator's own\n");
      expect(await stage.perform(mirrors("_default http://mirror:5000"))).toEqual([file]);
      expect(await stage.node.read(file)).toContain('server = "http://mirror:5000"\n');
      expect(await stage.perform(mirrors("_default http://mirror:5000"))).toEqual([]);
      expect(await stage.perform(mirrors(""))).toEqual([`${file} removed`]);
      expect(await stage.node.read("/etc/containerd/certs.d/own.example/hosts.toml")).toBe(
        "an operator's own\n",
      );
    });

    it("in a folder are asked there, as somebody, over authorities of their own", async () => {
      await stage.node.write("/etc/wharf-cluster/ca.pem", "PEM");
      const lines = "docker.io https://harbor.example/v2/hub authorized\nghcr.io https://other.example";
      await stage.perform(mirrors(lines, { AUTHORIZATION: "Basic eDp5" }));
      const text = await stage.node.read("/etc/containerd/certs.d/docker.io/hosts.toml");
      expect(text).toContain("  override_path = true\n");
      expect(text).toContain('  ca = "/etc/wharf-cluster/ca.pem"\n');
      expect(text).toContain('    Authorization = "Basic eDp5"\n');
      const other = await stage.node.read("/etc/containerd/certs.d/ghcr.io/hosts.toml");
      expect(other).toContain('  ca = "/etc/wharf-cluster/ca.pem"\n');
      expect(other).not.toContain("Authorization");
    });
  });
});
