import type { Profile } from "./profile.ts";

// Checksums are those that could be read in a public list; without one, the checksum file of the release itself is
// used, and what was seen is remembered beside the inventory. Lists:
// [1] kubernetes-sigs/kubespray, roles/kubespray-defaults/defaults/main/checksums.yml at 011b76d5
// [2] stated alike by several public repositories that pin the release's files: the same digests are found by a search
//     for them
const list: readonly Profile[] = [
  {
    // As in the record of the first cluster, whose flannel was v0.25.1.
    name: "v1.28",
    kubernetes: "1.28.9",
    containerd: {
      version: "1.7.16",
      // [1]
      sha256: {
        amd64: "4f4f2c3c7d14fd59a404961a3a3341303c2fdeeba0e78808c209f606e828f99c",
        arm64: "2d4373de40a6f58cd0f29377c0257b35697a987248e6268520586996771d7a75",
      },
    },
    runc: {
      version: "1.1.12",
      // [1]
      sha256: {
        amd64: "aadeef400b8f05645768c1476d1023f7875b78f52c7ff1967a6dbce236b8cbd8",
        arm64: "879f910a05c95c10c64ad8eb7d5e3aa8e4b30e65587b3d68e009a3565aed5bb8",
      },
    },
    cniPlugins: { version: "1.4.1" },
    crictl: {
      version: "1.28.0",
      // [1]
      sha256: {
        amd64: "8dc78774f7cbeaf787994d386eec663f0a3cf24de1ea4893598096cb39ef2508",
        arm64: "06e9224e42bc5e23085751e93cccdac89f7930ba6f7a45b8f8fc70ef663c37c4",
      },
    },
    flannel: { version: "0.25.1" },
    metricsServer: { version: "0.7.1" },
    pause: "3.9",
    etcd: "3.5.12-0",
    coredns: "v1.10.1",
    containerdConfig: 2,
    kubeadmApi: "v1beta3",
    refusesCgroupV1: false,
  },
  {
    name: "v1.37",
    kubernetes: "1.37.2",
    containerd: { version: "2.3.7" },
    runc: { version: "1.4.3" },
    cniPlugins: {
      version: "1.9.1",
      // [2]
      sha256: {
        amd64: "b98f74a0f8522f0a83867178729c1aa70f2158f90c45a2ca8fa791db1c76b303",
        arm64: "56171987d3947707c3563db2f4001bccaf50fd63468611b9f3cbecb1375ee7ec",
      },
    },
    crictl: {
      version: "1.36.0",
      // [2]
      sha256: {
        amd64: "83855e114566a8a8c44c548d515670f51de3a5e1da8b2effb59870e2f10c25a3",
      },
    },
    flannel: { version: "0.28.4" },
    metricsServer: { version: "0.9.0" },
    pause: "3.10.2",
    etcd: "3.7.0-0",
    coredns: "v1.14.6",
    containerdConfig: 4,
    kubeadmApi: "v1beta4",
    refusesCgroupV1: true,
  },
];

/** Every profile by its name. */
export const profiles: ReadonlyMap<string, Profile> = new Map(list.map((profile) => [profile.name, profile]));
