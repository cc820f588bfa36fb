import { ClusterError } from "../errors.ts";
import { ProgramError, runProgram } from "../programs.ts";

/** Docker is not there, does not answer, or refused something. */
export class DockerError extends ClusterError {
  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super("DOCKER_FAILED", message, { hint, ...options });
  }
}

/** What kind of thing Docker is asked about. */
export type Kind = "container" | "image" | "network" | "volume";

/** The operator's `docker` command, with the environment as the operator has set it. */
export class Docker {
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /**
   * Runs `docker` with these arguments and gives what it printed, without the end of the last line.
   *
   * @throws {DockerError} with Docker's own words
   */
  async run(args: readonly string[]): Promise<string> {
    try {
      return (await runProgram("docker", args, { signal: this.#signal })).trimEnd();
    } catch (error) {
      throw error instanceof ProgramError ? explain(error) : error;
    }
  }

  /** What Docker knows of one thing by this name; nothing when there is none. */
  async inspect(kind: Kind, name: string): Promise<unknown> {
    try {
      const [found] = JSON.parse(await this.run([kind, "inspect", name])) as unknown[];
      return found;
    } catch (error) {
      if (error instanceof DockerError && /no such|not found/i.test(error.message)) return undefined;
      throw error;
    }
  }

  /** The ids (volumes: names) of everything of one kind that has the label. */
  async labelled(kind: Kind, label: string): Promise<string[]> {
    const all = kind === "container" ? ["--all"] : [];
    const listed = await this.run([kind, "ls", ...all, "--quiet", "--filter", `label=${label}`]);
    return [...new Set(listed.split("\n").filter((line) => line !== ""))];
  }
}

/** What can be mended is told how. */
function explain(error: ProgramError): DockerError {
  const { message } = error;
  const newest = /maximum supported api version is ([\d.]+)/i.exec(message)?.[1];
  if (newest !== undefined) {
    const hint = `export DOCKER_API_VERSION=${newest}`;
    return new DockerError("the docker command is newer than the daemon", hint, { cause: error });
  }
  return new DockerError(message, error.hint ?? hintFor(message), { cause: error });
}

function hintFor(message: string): string | undefined {
  if (/no such program/.test(message)) return "Debian and Ubuntu: apt-get install docker.io";
  if (/permission denied.*docker/is.test(message))
    return "Run it as root, or join the group docker and log in again.";
  if (/cannot connect to the docker daemon|error during connect/i.test(message))
    return "systemctl start docker";
  if (/pool overlaps/i.test(message))
    return "Another of Docker's networks has these addresses: choose with --subnet.";
  return undefined;
}
