import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

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
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #volume: string;
  #url: string | undefined;
  #errors = "";

  private constructor(name: string, environment: NodeJS.ProcessEnv, volume: string) {
    this.name = name;
    this.#volume = volume;
    const own = { HOST: "127.0.0.1", PORT: "0", METRICS_PORT: "0", VOLUME_DIR: volume, LOG_FORMAT: "json" };
    const main = join(REPOSITORY, "apps", name, "src/main.ts");
    this.#child = spawn(process.execPath, ["--conditions=source", main], {
      env: { ...environment, ...own },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    // Should the tests be cut off, nobody else would end it.
    process.once("exit", () => this.#child.kill("SIGKILL"));
  }

  /** Begins to start it; {@link url} waits until it has. */
  static async start(name: string, environment: NodeJS.ProcessEnv): Promise<RunningService> {
    return new RunningService(name, environment, await mkdtemp(join(tmpdir(), "wharf-k8s-volume-")));
  }

  /**
   * Where its management port is, once it listens.
   *
   * @throws what it says when it ends instead
   */
  async url(): Promise<string> {
    if (this.#url !== undefined) return this.#url;
    for await (const line of createInterface(this.#child.stdout)) {
      this.#url = /management listens on (http:[^"\s]+)/.exec(line)?.[1];
      if (this.#url === undefined) continue;
      this.#child.stdout.resume();
      return this.#url;
    }
    throw new Error(`The ${this.name} ended before it listened: ${this.#errors}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    // Not SIGTERM, after which it would serve on for the delay.
    if (this.#child.exitCode === null && this.#child.kill("SIGINT")) await ended;
    await rm(this.#volume, { recursive: true, force: true });
  }
}
