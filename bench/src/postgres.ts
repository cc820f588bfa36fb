import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";

const PROGRAM = resolve(import.meta.dirname, "../../apps/downloader/src/testing/postgres-main.ts");

/**
 * Starts a Postgres of our own, with nothing in it; it is gone without a trace when `stack` ends.
 *
 * @returns its `postgres://` URL; undefined when none can be started here, with the reason on the error output
 */
export async function startPostgres(stack: AsyncDisposableStack): Promise<string | undefined> {
  const child = spawn(process.execPath, ["--conditions=source", PROGRAM], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const kill = (): void => void child.kill("SIGTERM");
  process.prependOnceListener("exit", kill);
  stack.defer(async () => {
    process.off("exit", kill);
    kill();
    await exited;
  });
  let output = "";
  for await (const chunk of child.stdout) {
    output += String(chunk);
    const [, url] = /^DATABASE_URL=(\S+)\n/m.exec(output) ?? [];
    if (url !== undefined) return url;
  }
  return undefined;
}
