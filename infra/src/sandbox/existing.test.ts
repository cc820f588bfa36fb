import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";

import { Docker } from "./docker.ts";
import { networkArguments, readPlan, type Wishes } from "./existing.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** In docker's place: a network with these labels. */
function dockerWith(labels: Readonly<Record<string, string>> | undefined): Docker {
  const folder = mkdtempSync(join(tmpdir(), "wharf-docker-"));
  const answer = labels === undefined ? 'echo "no such network" >&2; exit 1' : 'cat "$0.json"';
  writeFileSync(join(folder, "docker"), `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
  writeFileSync(join(folder, "docker.json"), JSON.stringify([{ Labels: labels }]));
  vi.stubEnv("PATH", [folder, process.env["PATH"]].join(delimiter));
  return new Docker(new AbortController().signal);
}

const none = { subnet: undefined, artefacts: undefined, baseImage: undefined, mirrorBaseImage: undefined };
const wishes: Wishes = { name: "trial", ...none, profile: undefined };
const made = { ...wishes, subnet: "10.1.2", baseImage: "base", profile: "v1.28" };

/** The labels that a network made with these wishes has. */
async function labelsOf(asked: Wishes): Promise<Record<string, string>> {
  const args = networkArguments(await readPlan(dockerWith(undefined), asked));
  const labels = args.filter((_, index) => args[index - 1] === "--label");
  return Object.fromEntries(labels.map((one) => one.split("=") as [string, string]));
}

it("what a sandbox was made with is what it is the next time, without an option", async () => {
  const plan = await readPlan(dockerWith(await labelsOf(made)), wishes);
  expect(plan).toEqual({
    name: "trial",
    subnet: "10.1.2",
    artefacts: undefined,
    baseImage: "base",
    mirrorBaseImage: "base",
    profile: "v1.28",
    stands: true,
  });
});

it("the same wishes again are granted, and another one is refused", async () => {
  const docker = dockerWith(await labelsOf(made));
  expect(await readPlan(docker, made)).toMatchObject({ stands: true, profile: "v1.28" });
  for (const other of [
    { subnet: "10.1.3" },
    { baseImage: "debian" },
    { profile: "v1.37" },
    { artefacts: "/a" },
  ])
    await expect(readPlan(docker, { ...wishes, ...other })).rejects.toMatchObject({ code: "USAGE" });
});

it("a network of somebody else is left alone", async () => {
  await expect(readPlan(dockerWith({}), wishes)).rejects.toMatchObject({ code: "SANDBOX_FAILED" });
});
