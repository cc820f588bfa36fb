import { runProgram } from "./program.ts";

/**
 * Runs curl as the client of both contenders, and resolves to the seconds it took.
 *
 * @throws Error when the status is not one of 2xx
 */
export async function curlSeconds(...args: string[]): Promise<number> {
  const format = "%{http_code} %{time_total}";
  const { stdout } = await runProgram("curl", [
    "--silent",
    "--show-error",
    "--output",
    "/dev/null",
    "-w",
    format,
    ...args,
  ]);
  const [status = "", seconds = ""] = stdout.split(" ");
  if (!status.startsWith("2")) throw new Error(`curl ${args.join(" ")} was answered ${status}`);
  return Number(seconds);
}
