import type { Profile } from "../profiles/profile.ts";

/** A value of containerd's configuration: a table's name without quotes, a key, and TOML. */
export type Setting = readonly [table: string, key: string, value: string];

/** What differs from containerd's own defaults. Its tables have other names from version 3 of the file on. */
export function containerdSettings(
  version: Profile["containerdConfig"],
  pauseImage: string,
  lowersOomScore: boolean,
): readonly Setting[] {
  const { runtime, registry, sandbox } = TABLES[version];
  return [
    [sandbox.table, sandbox.key, `"${pauseImage}"`],
    [registry, "config_path", `"/etc/containerd/certs.d"`],
    [`${runtime}.containerd.runtimes.runc.options`, "SystemdCgroup", "true"],
    ...(lowersOomScore ? [] : [[runtime, "restrict_oom_score_adj", "true"] as const]),
  ];
}

const TABLES = {
  2: {
    runtime: "plugins.io.containerd.grpc.v1.cri",
    registry: "plugins.io.containerd.grpc.v1.cri.registry",
    sandbox: { table: "plugins.io.containerd.grpc.v1.cri", key: "sandbox_image" },
  },
  4: {
    runtime: "plugins.io.containerd.cri.v1.runtime",
    registry: "plugins.io.containerd.cri.v1.images.registry",
    sandbox: { table: "plugins.io.containerd.cri.v1.images.pinned_images", key: "sandbox" },
  },
} as const;
