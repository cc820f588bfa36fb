import { readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { createLogger, createRegistry, type App, type Environment, type Health } from "@wharf/service";
import { expect, onTestFinished } from "vitest";

import { buildService } from "../app.ts";
import { parseConfig } from "../config.ts";

export interface Fileserver {
  readonly app: App;
  readonly health: Health;
  /** The volume's directory. */
  readonly directory: string;
  /** What was logged, as it was given to the logger. */
  readonly log: readonly unknown[][];
  /** What was logged as an error of ours; a test takes out what it expects. */
  readonly errors: unknown[][];
}

/** A fileserver on a volume of its own; both are gone when the test ends, which fails if an error was logged as ours. */
export async function testFileserver(env: Environment = {}): Promise<Fileserver> {
  const directory = await mkdtemp(join(tmpdir(), "wharf-fileserver-"));
  const config = parseConfig({ VOLUME_DIR: directory, DURABILITY: "relaxed", MIN_FREE_BYTES: "0", ...env });
  const log: unknown[][] = [];
  const errors: unknown[][] = [];
  const logger = Object.assign(createLogger({ name: "test", level: "silent", format: "json" }), {
    info: (...line: unknown[]) => void log.push(line),
    warn: (...line: unknown[]) => void log.push(line),
    error: (...line: unknown[]) => void errors.push(line),
    fatal: (...line: unknown[]) => void errors.push(line),
  });
  const { app, health, close } = await buildService(config, { logger, registry: createRegistry() });
  await app.ready();
  onTestFinished(async () => {
    app.server.closeAllConnections();
    await app.close();
    await close();
    await rm(directory, { recursive: true, force: true });
    expect(errors).toEqual([]);
  });
  return { app, health, directory, log, errors };
}

/** Listens on a free port of this machine, and resolves to it. */
export async function listen(app: App): Promise<number> {
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
}

/** The names in a directory of the disk, Wharf's own left out. */
export async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name !== ".wharf").toSorted();
}

/** The files in staging, published or not yet. */
export async function stagedIn(directory: string): Promise<string[]> {
  const entries = await readdir(join(directory, ".wharf/staging"), { recursive: true, withFileTypes: true });
  return entries.filter((each) => each.isFile() && !each.name.endsWith(".lock")).map(({ name }) => name);
}

/** What this process has open in a directory, staging's locks left out. */
export function openIn(directory: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    const path = linkOf(`/proc/self/fd/${fd}`);
    // Also what was removed since, and the directory itself.
    return path === directory || (path.startsWith(`${directory}/`) && !path.includes(".lock")) ? path : [];
  });
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // the descriptor with which the list was read
  }
}
