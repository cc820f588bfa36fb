import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

/** Where the suites find a cluster, and what they may use of it. All by `WHARF_CLUSTER_…`, since no machine is like another. */
export interface ClusterTarget {
  /** A kubeconfig of an administrator. */
  readonly kubeconfig: string;
  /** The tag of our images, which the nodes have or can pull. */
  readonly tag: string;
  /** A folder that every node has, the same on all: volumes are made in it by hand. Without one, the default class. */
  readonly sharedFolder: string | undefined;
  /** What stands for the official image of Postgres, when nodes cannot pull that. */
  readonly postgresImage: string | undefined;
}

/** The cluster that the environment names; nothing when it names none. */
export function clusterTarget(env: NodeJS.ProcessEnv): ClusterTarget | undefined {
  const kubeconfig = env["WHARF_CLUSTER_KUBECONFIG"];
  if (!kubeconfig) return undefined;
  return {
    kubeconfig,
    tag: env["WHARF_CLUSTER_TAG"] || "dev",
    sharedFolder: env["WHARF_CLUSTER_SHARED_FOLDER"] || undefined,
    postgresImage: env["WHARF_CLUSTER_POSTGRES_IMAGE"] || undefined,
  };
}

/** One namespace of a cluster, through `kubectl`. */
export class Namespace {
  readonly name: string;
  readonly #kubeconfig: string;

  constructor(kubeconfig: string, name: string) {
    this.#kubeconfig = kubeconfig;
    this.name = name;
  }

  /** Runs kubectl in this namespace. @throws with what it wrote when it fails, or takes longer than four minutes */
  async kubectl(args: readonly string[], input = ""): Promise<string> {
    const child = spawn("kubectl", ["--kubeconfig", this.#kubeconfig, "-n", this.name, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      timeout: 240_000,
    });
    child.stdin.on("error", () => undefined).end(input);
    const code = new Promise<number | null>((ended, failed) =>
      child.once("error", failed).once("close", ended),
    );
    const [out, errors, status] = await Promise.all([text(child.stdout), text(child.stderr), code]);
    if (status === 0) return out;
    throw new Error(`kubectl ${args.join(" ")} ended with ${status}: ${errors}${out}`);
  }

  async apply(manifests: string): Promise<void> {
    await this.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], manifests);
  }

  async get<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(["get", ...args, "-o", "json"])) as T;
  }

  /** Runs a program of Node's in a Pod that has Node, and resolves to what it printed. */
  async evaluate(pod: string, program: string): Promise<string> {
    return this.kubectl(["exec", pod, "--", "node", "--input-type=module", "-e", program]);
  }

  /** The names of the Pods that serve, without those that are about to end. */
  async servingPods(): Promise<string[]> {
    const { items } = await this.get<{
      items: { metadata: { name: string; deletionTimestamp?: string } }[];
    }>("pods", "-l", "app.kubernetes.io/name=wharf");
    return items
      .filter((pod) => pod.metadata.deletionTimestamp === undefined)
      .map((pod) => pod.metadata.name);
  }

  async create(): Promise<void> {
    await this.remove();
    await this.kubectl(["create", "namespace", this.name]);
  }

  async remove(): Promise<void> {
    await this.kubectl(["delete", "namespace", this.name, "--ignore-not-found", "--timeout=180s"]);
  }
}
