import { resolve } from "node:path";

import { refuseOptions } from "../cli/arguments.ts";
import type { ExitStatus, Verb, VerbContext } from "../cli/verb.ts";
import { UsageError } from "../errors.ts";
import { stateFolderOf } from "../inventory/state-folder.ts";
import { ownerOf } from "../sandbox/access.ts";
import { Docker } from "../sandbox/docker.ts";
import { takeDown } from "../sandbox/down.ts";
import { sandboxOf } from "../sandbox/inventory-file.ts";
import { checkName, checkSubnet } from "../sandbox/spec.ts";
import { checkArtefacts } from "../sandbox/artefacts.ts";
import { bringUp } from "../sandbox/up.ts";

/** `sandbox up` and `sandbox down`: two servers and a mirror, of containers. */
export const sandbox: Verb = {
  name: "sandbox",
  summary: "two servers and a mirror to try everything on, made of containers on this machine",
  synopsis: "up|down [--name NAME]",
  takesWords: true,
  options: {
    name: { type: "string" },
    "base-image": { type: "string" },
    "mirror-base-image": { type: "string" },
    artefacts: { type: "string" },
    subnet: { type: "string" },
    profile: { type: "string" },
    images: { type: "boolean" },
  },
  descriptions: {
    name: "what its containers and network are called: wharf",
    "base-image": "up: a Debian that the machines are made from: debian:bookworm",
    "mirror-base-image": "up: another one for the mirror: that of the nodes",
    artefacts: "up: the folder that the mirror serves; no machine reaches anything else then",
    subnet: "up: the first three numbers of its addresses: 172.30.52",
    profile: "up: the profile that the inventory names: the newest that there is",
    images: "down: removes the images that it was made from as well, unless something else was",
  },
  run,
};

const ofUp = ["base-image", "mirror-base-image", "artefacts", "subnet", "profile"];
const ofDown = ["images"];

async function run(context: VerbContext): Promise<ExitStatus> {
  const { positionals, inventoryFile, report, values, options } = context;
  const [word, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`sandbox ${word}: what is "${rest[0]}"?`);
  if (word !== "up" && word !== "down") throw new UsageError("sandbox up, or sandbox down?");
  refuseOptions(values, word === "up" ? ofDown : ofUp, `sandbox ${word}`);
  const docker = new Docker(context.signal);
  const written = await sandboxOf(inventoryFile);
  // An up that was ended early has marked the folder, and written no inventory.
  const owner = written ?? (await ownerOf(stateFolderOf(inventoryFile)));
  const name = checkName(textOf(context, "name") ?? owner ?? "wharf");
  const place = { inventoryFile, name, docker, report, isDryRun: options.isDryRun, signal: context.signal };
  if (word === "down") {
    await takeDown({
      ...place,
      withImages: values["images"] === true,
      ownsInventory: written === name,
      ownsStateFolder: owner === name,
    });
    return 0;
  }
  if (written !== undefined && written !== name) {
    throw new UsageError(
      `${inventoryFile} is that of the sandbox "${written}"`,
      "Name another: --inventory FILE",
    );
  }
  const artefacts = textOf(context, "artefacts");
  const subnet = textOf(context, "subnet");
  await bringUp({
    ...place,
    hasInventory: written !== undefined,
    wishes: {
      name,
      subnet: subnet === undefined ? undefined : checkSubnet(subnet),
      artefacts:
        artefacts === undefined ? undefined : await checkArtefacts(resolve(context.folder, artefacts)),
      baseImage: textOf(context, "base-image"),
      mirrorBaseImage: textOf(context, "mirror-base-image"),
      profile: textOf(context, "profile"),
    },
  });
  return 0;
}

function textOf({ values }: VerbContext, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}
