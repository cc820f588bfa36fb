import { docker } from "./docker.ts";

const LISTEN_LIMIT_MS = 60_000;

/** Both ports of both services, as the images have them. */
const PORTS = { fileserver: [8080, 9080], downloader: [3000, 9030] } as const;

export type App = keyof typeof PORTS;

/** A service in a container that may do nothing but its work. */
export interface Container {
  readonly id: string;
  readonly url: string;
  readonly management: string;
  /** Its address on Docker's network. */
  readonly address: string;
}

/** Starts a service on a volume (a name, or a folder of the host), and waits until it is ready. */
export async function startContainer(
  app: App,
  tag: string,
  volume: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Container> {
  const hardened = ["--read-only", "--tmpfs=/tmp", "--user=65532", "--cap-drop=ALL"];
  const id = await docker(
    "run",
    "--detach",
    ...hardened,
    "--security-opt=no-new-privileges",
    `--volume=${volume}:/data`,
    ...PORTS[app].flatMap((port) => ["--publish", `127.0.0.1::${port}`]),
    ...Object.entries({ AUTH: "none", ...env }).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    `wharf/${app}:${tag}`,
  );
  const [url = "", management = ""] = await Promise.all(
    PORTS[app].map(async (port) => `http://${(await docker("port", id, String(port))).split("\n")[0]}`),
  );
  const address = await docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", id);
  await isReady(management, () => docker("logs", id));
  return { id, url, management, address };
}

/** Waits until `/readyz` says so; throws with what `explain` tells when it does not in a minute. */
export async function isReady(url: string, explain: () => Promise<string>): Promise<void> {
  const deadline = performance.now() + LISTEN_LIMIT_MS;
  const answers = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await answers())) {
    if (performance.now() > deadline) throw new Error(`${url} is not ready: ${await explain()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Sends SIGTERM as Docker does it, and resolves to how the container ended, after how many milliseconds by Docker's clock. */
export async function terminate(id: string): Promise<{ code: number; afterMs: number }> {
  const since = new Date(Date.now() - 1_000).toISOString();
  await docker("kill", "--signal", "SIGTERM", id);
  const code = Number(await docker("wait", id));
  const range = [`--since=${since}`, `--until=${new Date(Date.now() + 1_000).toISOString()}`];
  const format = "--format={{.Action}} {{.TimeNano}}";
  const events = await docker("events", ...range, `--filter=container=${id}`, format);
  const at = (action: string): number => {
    const line = events.split("\n").find((event) => event.startsWith(`${action} `));
    return Number(line?.split(" ")[1]) / 1e6;
  };
  return { code, afterMs: at("die") - at("kill") };
}
