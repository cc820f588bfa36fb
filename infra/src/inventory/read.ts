import { readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, resolve } from "node:path";

import { InventoryError } from "../errors.ts";
import { checkShape } from "./check-shape.ts";
import { InventoryDocument, type Path } from "./document.ts";
import type { Inventory, NodeSpec, Sources, SshSpec } from "./inventory.ts";
import { presets } from "./presets.ts";
import { checkRules, DEFAULTS, type Sound, type Surroundings } from "./rules.ts";
import type { InventoryFile } from "./schema.ts";
import { stateFolderOf } from "./state-folder.ts";

const K8S = new URL("../../../k8s/", import.meta.url);
const BEGIN =
  "Copy infra/cluster.example.yaml there and put your servers into it; or `pnpm cluster sandbox up` makes two machines of this one.";

/**
 * Reads an inventory and fills in its defaults.
 *
 * @param file absolute
 * @throws {InventoryError} with everything that is wrong with it
 */
export function readInventory(file: string, environment: Surroundings["environment"]): Inventory {
  return parseInventory(textOf(file), file, {
    environment,
    overlays: folders("overlays"),
    components: folders("components"),
  });
}

/**
 * The same, of a text.
 *
 * @throws {InventoryError}
 */
export function parseInventory(
  text: string,
  file: string,
  around: Omit<Surroundings, "resolveFile" | "line">,
): Inventory {
  const document = new InventoryDocument(text, basename(file));
  if (document.syntaxProblems.length > 0) throw new InventoryError(document.syntaxProblems);
  if (document.value === null) throw new InventoryError([document.problem([], "is empty")], BEGIN);
  const resolveFile = (path: string) => resolve(dirname(file), path.replace(/^~(?=\/|$)/, homedir()));
  const shape = checkShape(document);
  const mistakes = checkRules(soundPart(document.value, shape.wrong), {
    ...around,
    resolveFile,
    line: (path) => document.line(path),
  });
  const problems = [...shape.problems, ...mistakes.map(([path, message]) => document.problem(path, message))];
  if (problems.length > 0) throw new InventoryError(problems.toSorted(byPlace));
  return inventoryOf(document.value as InventoryFile, file, resolveFile);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new InventoryError([`${file} does not exist`], BEGIN);
    throw new InventoryError([`${file} cannot be read: ${message}`]);
  }
}

function folders(name: string): string[] {
  return readdirSync(new URL(name, K8S), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** The document without what is wrong, so that the rest of it can still be judged. */
function soundPart(value: unknown, wrong: readonly Path[]): Sound {
  if (wrong.some((path) => path.length === 0)) return {};
  const sound = structuredClone(value) as Sound;
  for (const path of wrong) {
    let holder: unknown = sound;
    for (const key of path.slice(0, -1)) holder = (holder as Record<string, unknown> | undefined)?.[key];
    const key = path.at(-1);
    if (typeof holder !== "object" || holder === null || key === undefined) continue;
    // A list keeps its indices.
    if (Array.isArray(holder)) holder[Number(key)] = {};
    else delete (holder as Record<string, unknown>)[key];
  }
  return sound;
}

function byPlace(one: string, other: string): number {
  const numbers = (text: string) => /:(\d+):(\d+): /.exec(text)?.slice(1).map(Number) ?? [];
  const [line = 0, column = 0] = numbers(one);
  const [otherLine = 0, otherColumn = 0] = numbers(other);
  return line - otherLine || column - otherColumn;
}

function inventoryOf(file: InventoryFile, path: string, resolveFile: (path: string) => string): Inventory {
  const { deploy = {}, network = {}, kubernetes } = file;
  return {
    file: path,
    stateFolder: stateFolderOf(path),
    profile: file.profile ?? DEFAULTS.profile,
    ...(kubernetes === undefined ? {} : { kubernetes }),
    nodes: file.nodes.map((node) => nodeOf(node, file.ssh, resolveFile)),
    pods: network.pods ?? DEFAULTS.pods,
    services: network.services ?? DEFAULTS.services,
    sources: sourcesOf(file.sources, resolveFile),
    parts: file.parts ?? {},
    deploy: {
      ...deploy,
      overlay: deploy.overlay ?? DEFAULTS.overlay,
      components: deploy.components ?? [],
      namespace: deploy.namespace ?? "wharf",
      allowNetworks: deploy.allowNetworks ?? [],
    },
  };
}

function nodeOf(
  node: InventoryFile["nodes"][number],
  defaults: InventoryFile["ssh"],
  resolveFile: (path: string) => string,
): NodeSpec {
  const ssh: SshSpec = { ...defaults, ...node.ssh };
  const key = ssh.key === undefined ? {} : { key: resolveFile(ssh.key) };
  return { name: node.name, address: node.address, role: node.role, ssh: { ...ssh, ...key } };
}

function sourcesOf(given: InventoryFile["sources"], resolveFile: (path: string) => string): Sources {
  const { preset = "official", githubPrefix, ca, ...own } = given ?? {};
  const base = presets[preset];
  const prefix = githubPrefix === undefined ? "" : `${withoutSlash(githubPrefix)}/`;
  return {
    ...base,
    releases: `${prefix}${base.releases}`,
    ...mapStrings(own, withoutSlash),
    ...(own.registryMirrors === undefined
      ? {}
      : { registryMirrors: mapStrings(own.registryMirrors, withoutSlash) }),
    ...(ca === undefined ? {} : { ca: resolveFile(ca) }),
  };
}

function mapStrings<T extends object>(record: T, change: (text: string) => string): T {
  const entries = Object.entries(record).map(([key, value]: [string, unknown]) => [
    key,
    typeof value === "string" ? change(value) : value,
  ]);
  return Object.fromEntries(entries) as T;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
