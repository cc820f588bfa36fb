import { resolve } from "node:path";

import { containerCommand } from "./container.ts";
import { images } from "./environment.ts";

const REPOSITORY = resolve(import.meta.dirname, "../../..");

export type AppName = "fileserver" | "downloader";
export type Environment = Readonly<Record<string, string>>;

/** A program to be spawned, whose output and end are a service's. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The name of the container that the service is in, if it is in one. */
  readonly container?: string;
}

/** What a container has of its own. */
export interface Surroundings {
  /** As `docker run --network` takes it. */
  readonly network: string;
  /** What is to stand in place of these files. */
  readonly files: Readonly<Record<string, string>>;
}

/** Of this machine, with a free port of loopback. */
const DEFAULTS: Environment = {
  HOST: "127.0.0.1",
  PORT: "0",
  METRICS_PORT: "",
  LOG_FORMAT: "json",
  FILESERVER_URL: "",
  DOWNLOADER_URL: "",
};

/** The image that a service is to run from, if it is to. */
export function imageOf(app: AppName): string | undefined {
  return images?.replace("*", app);
}

/** Runs a service, from its source or in a container of its image. */
export function commandOf(
  app: AppName,
  env: Environment,
  surroundings: Surroundings = { network: "host", files: {} },
): Command {
  const all = { ...DEFAULTS, ...env };
  const image = imageOf(app);
  if (image !== undefined) return containerCommand(image, all, surroundings);
  const args = ["--conditions=source", `apps/${app}/src/main.ts`];
  return { file: process.execPath, args, cwd: REPOSITORY, env: all };
}
