import { BundleError } from "./errors.ts";

/** One entry of an apt repository's index, `Packages`. */
export interface Package {
  readonly name: string;
  readonly version: string;
  /** What it needs of the same or another repository, by name; an exact version where one is asked for. */
  readonly depends: readonly { readonly name: string; readonly version?: string }[];
  /** From the repository's folder. */
  readonly file: string;
  readonly sha256: string;
}

const ROOTS = ["kubeadm", "kubelet", "kubectl"];

/** The forms of its index that a repository's `InRelease` names (`Packages`, `Packages.gz`), with their SHA-256. */
export function indexes(release: string): readonly (readonly [name: string, sha256: string])[] {
  const lines = release.matchAll(/^ ([0-9a-f]{64}) +\d+ +(Packages(?:\.\w+)?)$/gm);
  return [...lines].map(([, sha256 = "", name = ""]) => [name, sha256] as const);
}

/** Reads an index (Debian policy, chapter 5; lines that begin with a space go on with the field before). */
export function parseIndex(text: string, architecture: string): readonly Package[] {
  return text
    .split(/\n\n+/)
    .map(
      (paragraph) =>
        new Map(
          [...paragraph.matchAll(/^([\w-]+): *(.*)$/gm)].map(([, key = "", value = ""]) => [key, value]),
        ),
    )
    .filter((fields) => ["all", architecture].includes(fields.get("Architecture") ?? ""))
    .map((fields) => ({
      name: fields.get("Package") ?? "",
      version: fields.get("Version") ?? "",
      depends: [fields.get("Pre-Depends"), fields.get("Depends")].flatMap((value) =>
        parseDepends(value ?? ""),
      ),
      file: (fields.get("Filename") ?? "").replace(/^\.\//, ""),
      sha256: fields.get("SHA256") ?? "",
    }));
}

function parseDepends(value: string): { name: string; version?: string }[] {
  return [...value.matchAll(/([a-z0-9][a-z0-9+.-]+)(?::\w+)?(?:\s*\(\s*=\s*([^)\s]+)\s*\))?[^,|]*/g)].map(
    ([, name = "", version]) => (version === undefined ? { name } : { name, version }),
  );
}

/**
 * kubeadm, kubelet and kubectl of one version, with what they need of the same repository: that which apt would choose,
 * the exact version or else the newest.
 *
 * @throws {BundleError} when the repository does not have that version
 */
export function wanted(index: readonly Package[], kubernetes: string): readonly Package[] {
  const found = new Map<string, Package>();
  const take = (name: string, exact?: string): boolean => {
    const fits = (version: string) =>
      ROOTS.includes(name) ? version.startsWith(`${kubernetes}-`) : exact === undefined || version === exact;
    const one = index
      .filter((candidate) => candidate.name === name && fits(candidate.version))
      .toSorted((a, b) => a.version.localeCompare(b.version, "en", { numeric: true }))
      .at(-1);
    if (one === undefined || found.has(one.file)) return one !== undefined;
    found.set(one.file, one);
    for (const needed of one.depends) take(needed.name, needed.version);
    return true;
  };
  for (const name of ROOTS) {
    if (take(name)) continue;
    throw new BundleError(
      `the apt repository has no ${name} ${kubernetes}`,
      "Look at sources.packages in the inventory.",
    );
  }
  return [...found.values()];
}
