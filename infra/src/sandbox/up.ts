import type { Report, Task } from "../cli/report.ts";
import { UsageError } from "../errors.ts";
import { stateFolderOf } from "../inventory/state-folder.ts";
import { checkOwner, claim, ensureKey, forgetHosts } from "./access.ts";
import type { Docker } from "./docker.ts";
import { networkArguments, readPlan, type SandboxPlan, type Wishes } from "./existing.ts";
import { checkDisk, checkSubnetIsFree, type Host, inspectHost } from "./host.ts";
import { buildImage, imageName } from "./images.ts";
import { inventoryText, writeInventory } from "./inventory-file.ts";
import { raise, sharedSettings, tooLow } from "./kernel.ts";
import { runArguments, waitUntilUp } from "./machine.ts";
import { chooseOffer } from "./offer.ts";
import { LABEL, type Machine, machinesOf, SandboxError } from "./spec.ts";

/** Where a sandbox is worked on. */
export interface Place {
  /** Absolute. */
  readonly inventoryFile: string;
  readonly name: string;
  readonly docker: Docker;
  readonly report: Report;
  readonly isDryRun: boolean;
  readonly signal: AbortSignal;
}

/** What `sandbox up` is asked for. */
export interface UpRequest extends Place {
  readonly wishes: Wishes;
  /** Whether its inventory is there. */
  readonly hasInventory: boolean;
}

/** What the tasks find out one after the other. */
interface Site {
  readonly plan: SandboxPlan;
  readonly host: Host;
  readonly stateFolder: string;
}

/**
 * Makes the machines that are missing, starts those that do not run, and writes their inventory.
 *
 * @throws {SandboxError} when they cannot stand on this machine
 * @throws {UsageError} when what was asked for does not go with what there is
 * @throws {DockerError} when Docker refuses something
 */
export async function bringUp(request: UpRequest): Promise<void> {
  const { docker, report, inventoryFile } = request;
  const host = await inspectHost(docker);
  const asked = await readPlan(docker, request.wishes);
  const offer = await chooseOffer(asked, asked.profile);
  const plan = { ...asked, profile: offer.profile };
  const stateFolder = stateFolderOf(inventoryFile);
  await checkRemains(request, plan, stateFolder);
  if (!plan.stands) {
    checkSubnetIsFree(plan.subnet);
    await checkDisk(host.dockerFolder);
  }
  if (!request.isDryRun) await claim(stateFolder, plan.name);
  const site = { plan, host, stateFolder };
  const machines = machinesOf(plan);
  await report.run("Images", imageTasks(request, site));
  await report.run("This machine", [kernelTask(request, site), networkTask(request, site)]);
  await report.run(
    "Machines",
    machines.map((machine) => machineTask(request, site, machine)),
  );
  await report.run(
    "Boot",
    machines.map((machine) => bootTask(request, machine)),
    { concurrent: true },
  );
  const text = inventoryText(plan, site.stateFolder, offer);
  await report.run("Inventory", [
    {
      title: inventoryFile,
      run: async () => ((await writeInventory(inventoryFile, text, request.isDryRun)) ? ["written"] : []),
    },
  ]);
  report.result("sandbox", { name: plan.name, inventory: inventoryFile, machines });
  for (const { host: name, address } of machines) report.say(`${name.padEnd(12)} ${address}`);
  report.say("Next: pnpm deploy:cluster");
}

/** An inventory is not written over, nor what a real cluster keeps mixed with a sandbox's. */
async function checkRemains(
  { inventoryFile, hasInventory }: UpRequest,
  { name, stands }: SandboxPlan,
  stateFolder: string,
): Promise<void> {
  if (!hasInventory) return checkOwner(stateFolder, name);
  if (!stands)
    throw new UsageError(
      `${inventoryFile} is that of a sandbox "${name}" that is no more`,
      "To remove what is left of it: pnpm cluster sandbox down",
    );
}

function baseOf({ plan }: Site, kind: Machine["kind"]): string {
  return kind === "node" ? plan.baseImage : plan.mirrorBaseImage;
}

function imageTasks({ docker, isDryRun }: UpRequest, site: Site): Task[] {
  return (["node", "mirror"] as const).map((kind) => ({
    title: `image of a ${kind}`,
    run: async (progress) => {
      const base = baseOf(site, kind);
      const machines = machinesOf(site.plan).filter((machine) => machine.kind === kind);
      const found = await Promise.all(
        machines.map(({ container }) => docker.inspect("container", container)),
      );
      // Machines that stand need no image, which may have been removed, or be another's by now.
      if (found.every((one) => one !== undefined)) return [];
      const name = await imageName(kind, base);
      if ((await docker.inspect("image", name)) !== undefined) return [];
      if (!isDryRun) await buildImage(docker, kind, base, progress);
      return [`built from ${base}: ${name}`];
    },
  }));
}

function kernelTask({ docker, isDryRun }: UpRequest, { plan, host }: Site): Task {
  return {
    title: "kernel settings shared with the machines",
    run: async () => {
      const settings = await tooLow(sharedSettings(host.cores));
      if (settings.length === 0) return [];
      if (!isDryRun) await raise(docker, plan, await nodeImage(docker, plan), settings);
      return settings.map(
        ({ name, now, atLeast }) => `${name}: ${now} -> ${atLeast}, until this machine restarts`,
      );
    },
  };
}

function networkTask({ docker, isDryRun }: UpRequest, { plan }: Site): Task {
  return {
    title: "network",
    run: async () => {
      if (plan.stands) return [];
      if (!isDryRun) await docker.run(networkArguments(plan));
      const reach = plan.artefacts === undefined ? "" : ", which leads nowhere else";
      return [`made: ${plan.name}, ${plan.subnet}.0/24${reach}`];
    },
  };
}

/** The image that a node of it runs from: the one by today's name may be another's. */
async function nodeImage(docker: Docker, plan: SandboxPlan): Promise<string> {
  for (const { container } of machinesOf(plan).filter(({ kind }) => kind === "node")) {
    const found = (await docker.inspect("container", container)) as Container | undefined;
    if (found !== undefined) return found.Image;
  }
  return imageName("node", plan.baseImage);
}

interface Container {
  readonly Image: string;
  readonly State: { readonly Status: string };
  readonly Config: { readonly Labels: Readonly<Record<string, string>> | null };
}

function machineTask({ docker, isDryRun }: UpRequest, site: Site, machine: Machine): Task {
  const { plan, host, stateFolder } = site;
  const { container, kind } = machine;
  return {
    title: machine.host,
    run: async () => {
      const found = (await docker.inspect("container", container)) as Container | undefined;
      if (found === undefined) {
        if (isDryRun) return [`made: ${container}`];
        const image = await imageName(kind, baseOf(site, kind));
        const publicKey = await ensureKey(stateFolder);
        await forgetHosts(stateFolder);
        await docker.run(runArguments(machine, plan, image, host, publicKey));
        return [`made: ${container}`];
      }
      if (found.Config.Labels?.[LABEL] !== plan.name) {
        throw new SandboxError(
          `the container "${container}" is not the sandbox's`,
          "Choose another name: --name",
        );
      }
      const verb = { running: undefined, paused: "unpause" }[found.State.Status] ?? "start";
      if (found.State.Status === "running") return [];
      if (!isDryRun) await docker.run([verb, container]);
      return [`${verb === "start" ? "started" : "unpaused"}: ${container}`];
    },
  };
}

function bootTask({ docker, isDryRun, signal }: UpRequest, machine: Machine): Task {
  return {
    title: machine.host,
    run: async (progress) => {
      if (isDryRun) return [];
      for (const line of await waitUntilUp(docker, machine, signal)) progress(line);
      return [];
    },
  };
}
