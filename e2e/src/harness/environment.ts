/** The addresses of services that run already. */
export interface Target {
  readonly fileserverUrl: string;
  readonly downloaderUrl: string;
}

/** What the suites are to test instead of services they start themselves; the only place that reads the environment. */
export const target: Target | undefined = readTarget(process.env);

function readTarget(env: NodeJS.ProcessEnv): Target | undefined {
  const { WHARF_FILESERVER_URL: fileserverUrl, WHARF_DOWNLOADER_URL: downloaderUrl } = env;
  if (!fileserverUrl && !downloaderUrl) return undefined;
  if (!fileserverUrl || !downloaderUrl) {
    throw new Error("Set both WHARF_FILESERVER_URL and WHARF_DOWNLOADER_URL, or neither.");
  }
  return { fileserverUrl: new URL(fileserverUrl).origin, downloaderUrl: new URL(downloaderUrl).origin };
}

/** The images whose containers the services are to run in, with `*` for a service's name; undefined: from source. */
export const images: string | undefined = readImages(process.env);

function readImages({ WHARF_E2E_IMAGES: names }: NodeJS.ProcessEnv): string | undefined {
  if (names && target) throw new Error("WHARF_E2E_IMAGES is for services that the suites start themselves.");
  return names || undefined;
}

/** What docker's client has to know of the user who runs the suites. */
export const dockerEnvironment: Readonly<Record<string, string | undefined>> = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => ["PATH", "HOME"].includes(name) || name.startsWith("DOCKER_"),
  ),
);

/** Where programs are looked for; some live where only root's path leads. */
export const programFolders: readonly string[] = [
  ...(process.env["PATH"] ?? "").split(":"),
  "/usr/local/sbin",
  "/usr/sbin",
  "/sbin",
].filter((folder) => folder !== "");
