import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";

import { makeFolder } from "../harness/folder.ts";
import type { Need } from "../harness/needs.ts";
import { building } from "./docker.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");

/** What the suites find built. */
export interface Built {
  /** A clean checkout of what is committed. */
  readonly clone: string;
  readonly base: string;
  readonly tag: string;
  /** What the build printed. */
  readonly log: string;
  /** A secret that the build was given. */
  readonly secret: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    missing: Need;
    built: Built;
  }
}

/** Builds both images before all suites, from a clean checkout and a base made locally, and removes them after them. */
export default async function setup(project: TestProject): Promise<() => void> {
  const missing = building();
  project.provide("missing", missing);
  // A suite is read to its end, even when it is skipped.
  project.provide("built", { clone: "", base: "", tag: "", log: "", secret: "" });
  if (missing !== undefined) return () => undefined;
  const folder = await makeFolder();
  const built = {
    clone: join(folder, "clone"),
    base: makeImage(`wharf-e2e-node:${nodeVersion()}`, "make-base.sh"),
    tag: `e2e-${process.pid}`,
    secret: `secret-${process.pid}-of-a-registry`,
  };
  const remove = (): void => {
    const images = ["fileserver", "downloader"].map((name) => `wharf/${name}:${built.tag}`);
    spawnSync("docker", ["image", "rm", "--force", ...images]);
    rmSync(folder, { recursive: true, force: true });
  };
  execFileSync("git", ["clone", "--quiet", REPOSITORY, built.clone]);
  writeFileSync(join(folder, "npmrc"), `${npmrc()}\n//registry.invalid/:_authToken=${built.secret}\n`);
  const env = { NPM_CONFIG_USERCONFIG: join(folder, "npmrc") };
  const log = buildImages(built.clone, ["--load", "--tag", built.tag, "--node-image", built.base], env);
  project.provide("built", { ...built, log });
  return remove;
}

/** `pnpm images` in a checkout; returns what it printed. */
export function buildImages(clone: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
  const command = ["apps/wharf/src/images.ts", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    cwd: clone,
    encoding: "utf8",
    env: { ...process.env, BUILDKIT_PROGRESS: "plain", ...env },
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(`pnpm images ended with ${status}:\n${stderr.slice(-4_000)}${stdout}`);
  return stderr + stdout;
}

/** An image that a script in `e2e/images` makes, once for all runs on this machine; its name. */
export function makeImage(name: string, script: string): string {
  if (spawnSync("docker", ["image", "inspect", name]).status !== 0)
    execFileSync(join(REPOSITORY, "e2e/images", script), [name], { stdio: "inherit" });
  return name;
}

/** The version of Node that the lock file has. */
export function nodeVersion(): string {
  return /^ {2}node@([\d.]+):$/m.exec(read("pnpm-lock.yaml"))?.[1] ?? "";
}

/** A file of this repository. */
export function read(path: string): string {
  return readFileSync(join(REPOSITORY, path), "utf8");
}

function npmrc(): string {
  const path = process.env["NPM_CONFIG_USERCONFIG"] ?? join(homedir(), ".npmrc");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
