import { BundleError } from "./errors.ts";

/** The name of an image, taken apart. */
export interface Reference {
  /** `registry.k8s.io`, `mirror:5000`. */
  readonly host: string;
  /** `coredns/coredns`. */
  readonly repository: string;
  readonly tag: string;
}

/**
 * Takes the name of an image apart as Docker and containerd do: without a host it is Docker's own registry's.
 *
 * @throws {BundleError} for what is no image with a tag
 */
export function parseReference(image: string): Reference {
  const [, path = "", tag] = /^(.+?)(?::([\w][\w.-]*))?$/.exec(image) ?? [];
  const [first = "", ...rest] = path.split("/");
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  const repository = hasHost ? rest.join("/") : rest.length === 0 ? `library/${first}` : path;
  // OCI distribution-spec, "Pulling manifests".
  if (image.includes("@") || !/^[a-z0-9]+((\.|_|__|-+|\/)[a-z0-9]+)*$/.test(repository)) {
    throw new BundleError(`"${image}" is not the name of an image with a tag`);
  }
  return { host: hasHost ? first : "docker.io", repository, tag: tag ?? "latest" };
}

/** A registry itself, without a mirror: Docker's own has another name than its images. */
export function registryUrl(host: string): string {
  return `https://${host === "docker.io" ? "registry-1.docker.io" : host}`;
}

/**
 * Where a registry's API is: `https://registry.k8s.io/v2`, or the mirror that stands in for it. A mirror in a folder of
 * its own is asked there, as containerd does with `override_path`.
 */
export function apiOf(host: string, mirrors: Readonly<Record<string, string>>): string {
  const mirror = mirrors[host] ?? mirrors["_default"];
  if (mirror === undefined) return `${registryUrl(host)}/v2`;
  return new URL(mirror).pathname === "/" ? `${mirror.replace(/\/$/, "")}/v2` : mirror;
}
