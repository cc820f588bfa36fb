/** Where the two services answer. */
export interface ServiceUrls {
  readonly fileserver: string;
  readonly downloader: string;
}

/** Where the services answer that are started with this environment. */
export function serviceUrls(env: NodeJS.ProcessEnv): ServiceUrls {
  const host = reachable(env["HOST"] || "127.0.0.1");
  return { fileserver: `http://${host}:8080`, downloader: `http://${host}:3000` };
}

/** An address to listen on may mean "every address"; one to connect to cannot. */
function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
