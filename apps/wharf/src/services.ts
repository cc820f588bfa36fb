/** Where the two services answer. */
export interface ServiceUrls {
  readonly fileserver: string;
  readonly downloader: string;
}

const DEFAULT_PORTS = { fileserver: "8080", downloader: "3000" } as const;

/** Where the services answer that are started with this environment. */
export function serviceUrls(env: NodeJS.ProcessEnv): ServiceUrls {
  const host = reachable(env["HOST"] || "127.0.0.1");
  return {
    fileserver: `http://${host}:${env["PORT"] || DEFAULT_PORTS.fileserver}`,
    downloader: `http://${host}:${env["PORT"] || DEFAULT_PORTS.downloader}`,
  };
}

/** An address to listen on may mean "every address"; one to connect to cannot. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
