import type { Inventory } from "../inventory/inventory.ts";
import { type Finding, Findings } from "./finding.ts";

/** What was seen on the machine that this runs on. */
export interface OperatorFacts {
  /** Programs by name, with what they say of their version. Those that are missing are not in it. */
  readonly programs: ReadonlyMap<string, string>;
  /** The permissions of each key file that the inventory names; undefined where there is none. */
  readonly keys: ReadonlyMap<string, number | undefined>;
}

/** Judges the operator's own machine. Only deploy needs Docker, and kubectl is nowhere needed: the control plane has one. */
export function judgeOperator(inventory: Inventory, { programs, keys }: OperatorFacts): readonly Finding[] {
  const findings = new Findings("operator");
  for (const name of ["ssh", "tar"]) {
    const version = programs.get(name);
    if (version === undefined)
      findings.error(
        name,
        `The program ${name} is missing.`,
        `apt-get install ${name === "ssh" ? "openssh-client" : name}`,
      );
    else findings.ok(name, version);
  }
  const without =
    "Without it, deploy takes images from a registry (--images registry) or a file (--archive FILE).";
  if (!programs.has("docker"))
    findings.warning(
      "docker",
      `There is no Docker to build images with. ${without}`,
      "apt-get install docker.io docker-buildx",
    );
  else if (!programs.has("docker buildx"))
    findings.warning(
      "docker",
      `Docker's plugin buildx is missing. ${without}`,
      "apt-get install docker-buildx",
    );
  else
    findings.ok(
      "docker",
      `${programs.get("docker")}, buildx ${programs.get("docker buildx")?.split(" ").at(-1)}`,
    );
  for (const [file, mode] of keys) {
    if (mode === undefined)
      findings.error("key", `${file} does not exist.`, `ssh-keygen -t ed25519 -f ${file}`);
    else if ((mode & 0o077) !== 0)
      findings.error("key", `${file} can be read by others: ssh refuses it.`, `chmod 600 ${file}`);
    else findings.ok("key", file);
  }
  const { credentials } = inventory.sources;
  if (credentials !== undefined) findings.ok("credentials", `for the sources, as ${credentials.user}`);
  return findings.list;
}
