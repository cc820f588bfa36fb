import { accessSync, constants, readFileSync, statSync } from "node:fs";

import { nearest } from "../cli/nearest.ts";
import { seriesOf } from "../profiles/profile.ts";
import { profiles } from "../profiles/profiles.ts";
import { aligned, contains, overlap, parseBlock, type Block } from "./blocks.ts";
import { pathText, type Path } from "./document.ts";
import type { InventoryFile } from "./schema.ts";

/** What the rules need to know beside the file. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folders of `k8s/overlays` and `k8s/components`. */
  readonly overlays: readonly string[];
  readonly components: readonly string[];
  /** Makes the path of a file that the inventory names absolute. */
  readonly resolveFile: (path: string) => string;
  /** The line of a value in the file. */
  readonly line: (path: Path) => number;
}

/** A file in which everything may be missing that was wrong already. */
export type Sound = {
  readonly [K in keyof InventoryFile]?: InventoryFile[K] extends readonly (infer E)[]
    ? readonly Partial<E>[]
    : Partial<InventoryFile[K]>;
};

export type Mistake = readonly [path: Path, message: string];

export const DEFAULTS = {
  profile: "v1.37",
  pods: "10.244.0.0/16",
  services: "10.96.0.0/12",
  overlay: "hostpath",
} as const;

/** Everything that a schema cannot say. */
export function checkRules(file: Sound, around: Surroundings): readonly Mistake[] {
  return [
    ...checkVersions(file),
    ...checkRoles(file),
    ...checkUnique(file, "name", around),
    ...checkUnique(file, "address", around),
    ...checkNames(file),
    ...checkAddresses(file),
    ...checkNetworks(file),
    ...checkUrls(file),
    ...checkFiles(file, around),
    ...checkCredentials(file, around),
    ...checkDeploy(file, around),
  ];
}

function checkVersions({ profile = DEFAULTS.profile, kubernetes }: Sound): Mistake[] {
  const known = profiles.get(profile);
  if (known === undefined) return [[["profile"], unknown("profile", profile, [...profiles.keys()])]];
  const series = seriesOf(known.kubernetes);
  if (kubernetes === undefined || kubernetes.startsWith(`${series}.`)) return [];
  return [[["kubernetes"], `kubernetes ${kubernetes} is not of profile ${profile}, which has ${series}`]];
}

function checkRoles({ nodes = [] }: Sound): Mistake[] {
  // A role that is wrong may have been meant to be either.
  if (nodes.some(({ role }) => role === undefined)) return [];
  const planes = nodes.flatMap(({ role }, index) => (role === "control-plane" ? [index] : []));
  if (nodes.length > 0 && planes.length === 0) {
    return [[["nodes"], "no node is the control plane: one must have role: control-plane"]];
  }
  return planes
    .slice(1)
    .map((index) => [
      ["nodes", index, "role"],
      "there is a control plane already: one is supported, others are workers",
    ]);
}

function checkUnique({ nodes = [] }: Sound, key: "name" | "address", { line }: Surroundings): Mistake[] {
  return nodes.flatMap((node, index): Mistake[] => {
    const first = nodes.findIndex((other) => other[key] === node[key]);
    if (node[key] === undefined || first === index) return [];
    const where = line(["nodes", first, key]);
    return [[["nodes", index, key], `${key} ${node[key]} is taken by the node on line ${where}`]];
  });
}

function checkNames({ nodes = [] }: Sound): Mistake[] {
  return nodes.flatMap(({ name }, index): Mistake[] =>
    name === "localhost"
      ? [[["nodes", index, "name"], "every machine calls itself localhost: give this one another name"]]
      : [],
  );
}

function checkAddresses({ nodes = [] }: Sound): Mistake[] {
  return nodes.flatMap(({ address }, index): Mistake[] => {
    if (address === undefined) return [];
    const path = ["nodes", index, "address"];
    const block = parseBlock(`${address}/32`);
    if (block === undefined) {
      const why = /\b0\d/.test(address) ? "its numbers begin with no 0" : "each number is 255 at most";
      return [[path, `${address} is no IPv4 address: ${why}`]];
    }
    return /^(127|0|169\.254|22[4-9]|2[345]\d)\./.test(address)
      ? [[path, `${address} is no address that other machines reach this one at`]]
      : [];
  });
}

function checkNetworks({ network = {}, nodes = [] }: Sound): Mistake[] {
  const ranges = (["pods", "services"] as const).map((name) => {
    const text = network[name] ?? DEFAULTS[name];
    return { name, text, block: parseBlock(text), path: ["network", name] as Path };
  });
  const mistakes = ranges.flatMap(({ name, text, block, path }): Mistake[] => {
    if (block === undefined) return [[path, `network.${name}: ${text} is no block of IPv4 addresses`]];
    if (aligned(block) !== text)
      return [[path, `network.${name}: ${text} is within a block: write ${aligned(block)}`]];
    const [least, most] = name === "pods" ? [8, 22] : [8, 24];
    if (block.bits < least || block.bits > most) {
      return [
        [
          path,
          `network.${name}: /${block.bits} is too ${block.bits < least ? "large" : "small"}: from /${least} to /${most}`,
        ],
      ];
    }
    return nodesWithin(name, block, nodes);
  });
  const [pods, services] = ranges;
  if (pods?.block && services?.block && overlap(pods.block, services.block)) {
    mistakes.push([["network"], `network: pods ${pods.text} and services ${services.text} overlap`]);
  }
  if (pods?.block && pods.block.bits <= 22 && nodes.length > 2 ** (24 - pods.block.bits)) {
    mistakes.push([
      pods.path,
      `network.pods: ${pods.text} has too few blocks of 256 for ${nodes.length} nodes`,
    ]);
  }
  return mistakes;
}

function nodesWithin(name: string, block: Block, nodes: NonNullable<Sound["nodes"]>): Mistake[] {
  return nodes.flatMap(({ address }, index): Mistake[] => {
    if (address === undefined || parseBlock(`${address}/32`) === undefined || !contains(block, address))
      return [];
    const range = `${block.base}/${block.bits}`;
    return [
      [["nodes", index, "address"], `${address} is in network.${name} (${range}): give that another block`],
    ];
  });
}

/** What a schema's pattern lets through: a port beyond 65535, an address of half a bracket. */
function checkUrls({ sources = {}, parts = {}, deploy = {} }: Sound): Mistake[] {
  const { githubPrefix, imageRepository, releases, packages, registryMirrors = {} } = sources;
  const given: [Path, string | undefined, scheme?: string][] = [
    [["sources", "githubPrefix"], githubPrefix],
    [["sources", "imageRepository"], imageRepository, "https://"],
    [["sources", "releases"], releases],
    [["sources", "packages"], packages],
    ...Object.entries(registryMirrors).flatMap(([registry, url]): [Path, string, string?][] => [
      [["sources", "registryMirrors", registry], url],
    ]),
    ...Object.entries(parts).map(([name, part]): [Path, string | undefined] => [
      ["parts", name, "url"],
      part.url,
    ]),
    [["deploy", "registry"], deploy.registry, "https://"],
    [["deploy", "smokeUrl"], deploy.smokeUrl === "none" ? undefined : deploy.smokeUrl],
  ];
  const mistakes = given.flatMap(([path, text, scheme = ""]): Mistake[] =>
    text === undefined || URL.canParse(`${scheme}${text}`)
      ? []
      : [[path, `${pathText(path)}: ${text} is no URL`]],
  );
  if (githubPrefix === undefined || releases === undefined) return mistakes;
  const message =
    "sources.githubPrefix is for GitHub's files, and sources.releases says where else they are: give one of them";
  return [...mistakes, [["sources", "githubPrefix"], message]];
}

function checkFiles({ nodes = [], ssh, sources }: Sound, around: Surroundings): Mistake[] {
  const keys: [Path, string | undefined][] = nodes.map((node, index) => [
    ["nodes", index, "ssh", "key"],
    node.ssh?.key,
  ]);
  keys.push([["ssh", "key"], ssh?.key]);
  const mistakes = keys.flatMap(([path, key]): Mistake[] => {
    if (key === undefined) return [];
    if (key.endsWith(".pub"))
      return [[path, `${key} is the public half of a key: name the other, without .pub`]];
    return unreadable(around.resolveFile(key), path);
  });
  if (sources?.ca === undefined) return mistakes;
  const ca = around.resolveFile(sources.ca);
  const path = ["sources", "ca"];
  const problem = unreadable(ca, path);
  if (problem.length > 0) return [...mistakes, ...problem];
  const isPem = readFileSync(ca, "utf8").includes("-----BEGIN CERTIFICATE-----");
  return isPem ? mistakes : [...mistakes, [path, `${ca} holds no certificate in PEM form`]];
}

function unreadable(file: string, path: Path): Mistake[] {
  try {
    accessSync(file, constants.R_OK);
    return statSync(file).isFile() ? [] : [[path, `${file} is no file`]];
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return [[path, `${file} ${isMissing ? "does not exist" : "cannot be read"}`]];
  }
}

function checkCredentials({ sources, deploy }: Sound, { environment }: Surroundings): Mistake[] {
  const given = [
    [["sources", "credentials"], sources?.credentials],
    [["deploy", "registryCredentials"], deploy?.registryCredentials],
  ] as const;
  const mistakes = given.flatMap(([path, credentials]): Mistake[] => {
    const name = credentials?.passwordVariable;
    if (name === undefined || environment[name]) return [];
    const message = `the environment variable ${name} is not set: export it with the password`;
    return [[[...path, "passwordVariable"], message]];
  });
  if (deploy?.registryCredentials === undefined || deploy.registry !== undefined) return mistakes;
  return [
    ...mistakes,
    [
      ["deploy", "registryCredentials"],
      "deploy.registryCredentials are for deploy.registry, which is not given",
    ],
  ];
}

/** What is wrong with overlay and components. */
export function checkDeploy(
  { deploy }: Pick<Sound, "deploy">,
  { overlays, components }: Pick<Surroundings, "overlays" | "components">,
): Mistake[] {
  const mistakes: Mistake[] = [];
  if (deploy?.overlay !== undefined && !overlays.includes(deploy.overlay)) {
    mistakes.push([["deploy", "overlay"], unknown("overlay", deploy.overlay, overlays)]);
  }
  for (const [index, name] of (deploy?.components ?? []).entries()) {
    if (typeof name === "string" && !components.includes(name)) {
      mistakes.push([["deploy", "components", index], unknown("component", name, components)]);
    }
    if (name === "disruption" && (deploy?.overlay ?? DEFAULTS.overlay) === "hostpath") {
      const why = "its replicas cannot go to another node one by one, and no drain would end";
      mistakes.push([["deploy", "components", index], `disruption is not for the overlay hostpath: ${why}`]);
    }
  }
  return mistakes;
}

function unknown(what: string, name: string, known: readonly string[]): string {
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : `: did you mean ${meant}?`;
  return `there is no ${what} ${name}${hint} (there are ${known.join(", ")})`;
}
