import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const REPOSITORY = resolve(import.meta.dirname, "../..");

/** What an image sets before Kubernetes does (docs/operators/images.md). */
export const IMAGE_ENVIRONMENT = { HOST: "0.0.0.0", VOLUME_DIR: "/data" };

/** What a service makes of an environment, in a process of its own. */
export interface Verdict {
  readonly config?: Readonly<Record<string, unknown>>;
  /** What it says is wrong. */
  readonly error?: string;
}

/** Lets a service's own `parseConfig` read each environment; the verdicts are in their order. */
export async function parseEnvironments(app: string, environments: readonly object[]): Promise<Verdict[]> {
  const script = `
    const { parseConfig } = await import(process.argv[1]);
    const verdicts = JSON.parse(process.argv[2]).map((env) => {
      try { return { config: parseConfig(env) }; } catch (error) { return { error: error.message }; }
    });
    console.log(JSON.stringify(verdicts));`;
  const file = join(REPOSITORY, "apps", app, "src/config.ts");
  const flags = [
    "--conditions=source",
    "--input-type=module",
    "-e",
    script,
    file,
    JSON.stringify(environments),
  ];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const part of child.stdout.setEncoding("utf8")) text += String(part);
  return JSON.parse(text) as Verdict[];
}

/** A service that runs from source, as the manifests configure it, on a volume and ports of its own. */
export class RunningService implements AsyncDisposable {
  readonly name: string;
  /** The management port's. */
  readonly url: string;
  readonly #end: () => Promise<void>;

  private constructor(name: string, url: string, end: () => Promise<void>) {
    this.name = name;
    this.url = url;
    this.#end = end;
  }

  static async start(name: string, environment: Readonly<Record<string, string>>): Promise<RunningService> {
    const volume = await mkdtemp(join(tmpdir(), "wharf-k8s-volume-"));
    const own = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", VOLUME_DIR: volume, LOG_FORMAT: "json" };
    const main = join(REPOSITORY, "apps", name, "src/main.ts");
    const child = spawn(process.execPath, ["--conditions=source", main], {
      env: { ...environment, ...own },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const end = async (): Promise<void> => {
      const ended = once(child, "exit");
      // As a whole SIGTERM would: without the delay, which is for a cluster.
      if (child.exitCode === null && child.kill("SIGINT")) await ended;
      await rm(volume, { recursive: true, force: true });
    };
    for await (const line of createInterface(child.stdout)) {
      const [, url] = /management listens on (http:[^"\s]+)/.exec(line) ?? [];
      if (url !== undefined) {
        child.stdout.resume();
        return new RunningService(name, url, end);
      }
    }
    await end();
    throw new Error(`The ${name} ended before it listened.`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}
