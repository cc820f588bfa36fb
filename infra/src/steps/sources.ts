import type { Inventory } from "../inventory/inventory.ts";
import { type Profile, seriesOf } from "../profiles/profile.ts";
import type { StepContext } from "./step.ts";

/** Kubernetes' own registry has some images in folders; mirrors of it have them all in one. */
export function kubernetesImage(
  { imageRepository }: Inventory["sources"],
  name: string,
  tag: string,
  folder = "",
): string {
  return `${imageRepository}/${imageRepository === "registry.k8s.io" ? folder : ""}${name}:${tag}`;
}

/** The folder of apt packages of a release: `https://pkgs.k8s.io/core:/stable:/v1.37/deb`. */
export function packagesUrl({ packages }: Inventory["sources"], { kubernetes }: Profile): string {
  // The official site has colons where its mirrors have folders.
  const stable = new URL(packages).host === "pkgs.k8s.io" ? "core:/stable:" : "core/stable";
  return `${packages}/${stable}/v${seriesOf(kubernetes)}/deb`;
}

/** For containerd's `certs.d`: a line `registry url` for each. */
export function registryMirrors({ registryMirrors: mirrors }: Inventory["sources"]): string {
  return Object.entries(mirrors)
    .map(([registry, url]) => `${registry} ${url}`)
    .join("\n");
}

/** How a source is told who asks: for curl, apt and containerd, each in its own words. */
export function credentials({ credentials: given, inventory }: StepContext): Record<string, string> {
  if (given === undefined) return {};
  const { user, password } = given;
  const host = new URL(inventory.sources.packages).host;
  const quoted = `${user}:${password}`.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
  return {
    CURL_CONFIG: `user = "${quoted}"`,
    APT_AUTH: `machine ${host} login ${user} password ${password}`,
    AUTHORIZATION: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`,
  };
}
