import type { Sources } from "./inventory.ts";

/** Sets of sources that an inventory can name, and then change in part. */
export const presets = {
  official: {
    imageRepository: "registry.k8s.io",
    releases: "https://github.com",
    packages: "https://pkgs.k8s.io",
    registryMirrors: {},
  },
  // For servers in China. Release files still come from GitHub: `githubPrefix` names a site that passes them on. And
  // flannel's image from ghcr.io (before 0.26.4 from docker.io), where there is no public mirror that lasts: whoever does
  // not reach it names one in `registryMirrors`.
  aliyun: {
    imageRepository: "registry.aliyuncs.com/google_containers",
    releases: "https://github.com",
    packages: "https://mirrors.aliyun.com/kubernetes-new",
    registryMirrors: {},
  },
} as const satisfies Record<string, Sources>;

export type PresetName = keyof typeof presets;
