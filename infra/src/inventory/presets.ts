import type { Sources } from "./inventory.ts";

/** Sets of sources that an inventory can name, and then change in part. */
export const presets = {
  official: {
    imageRepository: "registry.k8s.io",
    releases: "https://github.com",
    raw: "https://raw.githubusercontent.com",
    packages: "https://pkgs.k8s.io",
    registryMirrors: {},
  },
  // For servers in China. Release files still come from GitHub: `githubPrefix` names a site that passes them on.
  aliyun: {
    imageRepository: "registry.aliyuncs.com/google_containers",
    releases: "https://github.com",
    raw: "https://raw.githubusercontent.com",
    packages: "https://mirrors.aliyun.com/kubernetes-new",
    registryMirrors: {},
  },
} as const satisfies Record<string, Sources>;

export type PresetName = keyof typeof presets;
