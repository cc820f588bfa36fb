import { expect, it } from "vitest";

import { containerdSettings } from "./containerd-settings.ts";
import { describePerformed } from "./stage.ts";

const IMAGE = "mirror.example/google_containers/pause:3.9";
const CONFIG = "/etc/containerd/config.toml";

/** From `containerd config default`, what is changed and what looks alike. */
const defaults = {
  2: `version = 2

[plugins]

  [plugins."io.containerd.grpc.v1.cri"]
    restrict_oom_score_adj = false
    sandbox_image = "registry.k8s.io/pause:3.8"

    [plugins."io.containerd.grpc.v1.cri".containerd]

        [plugins."io.containerd.grpc.v1.cri".containerd.default_runtime.options]

        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]

          [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
            NoPivotRoot = false
            SystemdCgroup = false

    [plugins."io.containerd.grpc.v1.cri".registry]
      config_path = ""

  [plugins."io.containerd.transfer.v1.local"]
    config_path = ""
`,
  4: `version = 4

[plugins]
  [plugins.'io.containerd.cri.v1.images']
    [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = 'registry.k8s.io/pause:3.10.1'

    [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'

  [plugins.'io.containerd.cri.v1.runtime']
    restrict_oom_score_adj = false

    [plugins.'io.containerd.cri.v1.runtime'.containerd]
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes]
        [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
          [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
            SystemdCgroup = false

  [plugins.'io.containerd.transfer.v1.local']
    config_path = ''
`,
} as const;

describePerformed("containerd", (stage) => {
  const step = (version: 2 | 4, lowersOomScore: boolean) => ({
    id: "24-containerd",
    uses: ["serve"],
    variables: {
      RESTARTS: "containerd",
      CONFIG_VERSION: String(version),
      SETTINGS: containerdSettings(version, IMAGE, lowersOomScore)
        .map((setting) => setting.join(" "))
        .join("\n"),
    },
  });
  const install = async (version: 2 | 4) => {
    await stage.node.write("/opt/default", defaults[version]);
    await stage.node.program("containerd", "cat /opt/default");
    // It runs once it was started, and is enabled once it was enabled.
    const script =
      'case $1 in start) : > /opt/active ;; enable) : > /opt/enabled ;; is-*) [ -e "/opt/${1#is-}" ] || [ -e "/opt/${1#is-}d" ] ;; esac';
    await stage.node.program("systemctl", `echo "$1" >> /opt/calls; ${script}`);
  };

  it.for([2, 4] as const)(
    "is told what differs from its own defaults, in version %i of the file",
    async (version) => {
      await install(version);
      await stage.perform(step(version, false));
      const changed = ((await stage.node.read(CONFIG)) ?? "").split("\n");
      const lines = defaults[version].split("\n").map((line, index) => [line.trim(), changed[index]?.trim()]);
      expect(lines.filter(([before, after]) => before !== after).map(([, after]) => after)).toEqual(
        version === 2
          ? [
              "restrict_oom_score_adj = true",
              `sandbox_image = "${IMAGE}"`,
              "SystemdCgroup = true",
              'config_path = "/etc/containerd/certs.d"',
            ]
          : [
              `sandbox = "${IMAGE}"`,
              'config_path = "/etc/containerd/certs.d"',
              "restrict_oom_score_adj = true",
              "SystemdCgroup = true",
            ],
      );
    },
  );

  it("lowers OOM scores where it can", async () => {
    await install(4);
    await stage.perform(step(4, true));
    expect(await stage.node.read(CONFIG)).toContain("restrict_oom_score_adj = false");
  });

  it("of another version than the profile's is refused before anything is written", async () => {
    await install(4);
    await expect(stage.perform(step(2, true))).rejects.toThrow(
      "configuration has version = 4, and 2 is expected",
    );
    expect(await stage.node.read(CONFIG)).toBeUndefined();
  });

  it("without a setting that is needed is refused, and the setting named", async () => {
    await install(2);
    await stage.node.write("/opt/default", defaults[2].replace("SystemdCgroup", "Other"));
    await expect(stage.perform(step(2, true))).rejects.toThrow(
      "has no SystemdCgroup in plugins.io.containerd.grpc.v1.cri.containerd.runtimes.runc.options",
    );
  });

  it("is started once, and restarted when its configuration changes, even if that was cut off", async () => {
    await install(2);
    expect(await stage.perform(step(2, true))).toContain("containerd started");
    expect(await stage.perform(step(2, true))).toEqual([]);
    expect(await stage.perform(step(2, false))).toEqual([CONFIG, "containerd restarted"]);
    await stage.node.write("/var/lib/wharf-cluster/restart-containerd", "");
    expect(await stage.perform(step(2, false))).toEqual(["containerd restarted"]);
  });

  it("that does not start is told with its last words", async () => {
    await install(2);
    await stage.node.program("systemctl", '[ "$1" != start ]  && [ "$1" != is-active ]');
    await stage.node.program("journalctl", "echo its last words");
    await expect(stage.perform(step(2, true))).rejects.toMatchObject({
      message: "k8s-master: 24-containerd: containerd does not start",
      stderr: expect.stringContaining("its last words") as string,
    });
  });
});
