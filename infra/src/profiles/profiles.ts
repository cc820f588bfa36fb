import type { Profile } from "./profile.ts";

const list: readonly Profile[] = [
  {
    // As in the record of the first cluster, whose flannel was v0.25.1.
    name: "v1.28",
    kubernetes: "1.28.9",
    containerd: { version: "1.7.16" },
    runc: { version: "1.1.12" },
    cniPlugins: { version: "1.4.1" },
    crictl: { version: "1.28.0" },
    flannel: { version: "0.25.1" },
    metricsServer: { version: "0.7.1" },
    pause: "3.9",
    containerdConfig: 2,
    kubeadmApi: "v1beta3",
    refusesCgroupV1: false,
  },
  {
    name: "v1.37",
    kubernetes: "1.37.2",
    containerd: { version: "2.3.7" },
    runc: { version: "1.4.3" },
    cniPlugins: { version: "1.9.1" },
    crictl: { version: "1.36.0" },
    flannel: { version: "0.28.4" },
    metricsServer: { version: "0.9.0" },
    pause: "3.10.2",
    containerdConfig: 4,
    kubeadmApi: "v1beta4",
    refusesCgroupV1: true,
  },
];

/** Every profile by its name. */
export const profiles: ReadonlyMap<string, Profile> = new Map(list.map((profile) => [profile.name, profile]));
