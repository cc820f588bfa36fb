import { parseReference, registryUrl } from "../bundle/reference.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { presets } from "../inventory/presets.ts";
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

/**
 * For containerd's `certs.d`: a line `registry url` for each that is not asked as it would be anyway, which ends with
 * `authorized` where it is to be told who asks.
 */
export function registries({ inventory, ca, credentials: given }: StepContext): string {
  const { sources, deploy } = inventory;
  const { _default: fallback } = sources.registryMirrors;
  const own = ownHosts(sources);
  const isTold = (url: string) => given !== undefined && own.has(new URL(url).host);
  const places = new Map(Object.entries(sources.registryMirrors));
  const add = (repository: string, isWanted: (url: string) => boolean) => {
    const { host } = parseReference(`${repository}/image`);
    const url = directly(host, sources);
    if (!places.has(host) && isWanted(url)) places.set(host, url);
  };
  // Where everything else has a mirror, Kubernetes' images come from there as well; our own are pushed to one place only.
  add(
    sources.imageRepository,
    (url) => fallback === undefined && own.has(new URL(url).host) && (ca !== undefined || isTold(url)),
  );
  if (deploy.registry !== undefined) {
    add(deploy.registry, (url) =>
      fallback === undefined ? ca !== undefined || isTold(url) : url !== fallback,
    );
  }
  return [...places].map(([host, url]) => `${host} ${url}${isTold(url) ? " authorized" : ""}`).join("\n");
}

/** A registry without its mirror. One that is a mirror itself may be asked without TLS. */
function directly(host: string, { registryMirrors }: Inventory["sources"]): string {
  const urls = Object.values(registryMirrors).map((mirror) => new URL(mirror));
  return urls.find((url) => url.host === host)?.origin ?? registryUrl(host);
}

/** The hosts, with their ports, that the inventory itself names: only they are told who asks, never a preset's. */
export function ownHosts(sources: Inventory["sources"]): ReadonlySet<string> {
  const others = new Set(Object.values(presets).flatMap(hostsOf));
  return new Set(hostsOf(sources).filter((host) => !others.has(host)));
}

function hostsOf({ imageRepository, releases, packages, registryMirrors }: Inventory["sources"]): string[] {
  const registry = registryUrl(parseReference(`${imageRepository}/image`).host);
  return [registry, releases, packages, ...Object.values(registryMirrors)].map((url) => new URL(url).host);
}

/** How the source of a URL is told who asks, if it is one of `ownHosts`: for curl and apt, each in its own words. */
export function credentials(
  { credentials: given, inventory }: StepContext,
  url: string,
): Record<string, string> {
  const { host, origin, protocol } = new URL(url);
  if (given === undefined || !ownHosts(inventory.sources).has(host)) return {};
  // apt_auth.conf(5): without a protocol it is for https alone.
  const machine = protocol === "http:" ? origin : host;
  return {
    CURL_CONFIG: curlConfig(given),
    APT_AUTH: `machine ${machine} login ${given.user} password ${given.password}`,
  };
}

type Credentials = NonNullable<StepContext["credentials"]>;

/** A line of curl's configuration. */
export function curlConfig({ user, password }: Credentials): string {
  return `user = "${`${user}:${password}`.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** RFC 7617: a header's value. */
export function basic({ user, password }: Credentials): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}
