import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const APPS = ["fileserver", "downloader"] as const;

/**
 * Runs both services with this process's environment until they end. A signal is passed on; when one of them ends, so
 * does the other.
 *
 * @returns the exit status: 0 when both ended in order
 */
export async function start(host: NodeJS.Process): Promise<number> {
  const services = APPS.map((app) => {
    const main = resolve(import.meta.dirname, `../../${app}/src/main.ts`);
    return spawn(host.execPath, ["--conditions=source", main], { stdio: ["ignore", "inherit", "inherit"] });
  });
  const endAll = (signal: NodeJS.Signals): void => services.forEach((service) => service.kill(signal));
  host.on("SIGTERM", endAll).on("SIGINT", endAll);
  const codes = await Promise.all(
    services.map(async (service) => {
      const code = await exitOf(service);
      endAll("SIGTERM");
      return code;
    }),
  );
  return codes.every((code) => code === 0) ? 0 : 1;
}

async function exitOf(service: ChildProcess): Promise<number | null> {
  const [code] = (await once(service, "exit")) as [number | null];
  return code;
}
