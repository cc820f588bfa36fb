import { parseArgs } from "node:util";

import { serviceUrls } from "./services.ts";
import { start } from "./start.ts";
import { status } from "./status.ts";

const USAGE = `Usage: pnpm wharf <command>

  start             run both services until Ctrl-C, configured by the environment
  status            say whether both services can do their work, and where they are
    --wait          wait up to a minute until they can
    --fileserver    its URL, when it is not the usual port of HOST
    --downloader    likewise
`;

const ONE_PORT_FOR_BOTH =
  "PORT would give both services the same port: unset it, or start each on its own, as docs/operator.md shows.";

process.exitCode = await main(process.argv.slice(2));

/** Runs a command and returns the exit status: 0 done, 1 failed, 2 wrong use. */
async function main(args: string[]): Promise<number> {
  const parsed = parse(args);
  if (typeof parsed === "string") {
    process.stderr.write(`${parsed}\n\n${USAGE}`);
    return 2;
  }
  const { command, wait, help, ...given } = parsed;
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const isElsewhere = given.fileserver !== undefined && given.downloader !== undefined;
  if (process.env["PORT"] && !isElsewhere) {
    process.stderr.write(`${ONE_PORT_FOR_BOTH}\n`);
    return 2;
  }
  if (command === "start") return start(process);
  return status({ ...serviceUrls(process.env), ...given }, wait, (text) => process.stdout.write(text));
}

/** Returns what is wrong, as text, when the arguments are. */
function parse(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        wait: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        fileserver: { type: "string" },
        downloader: { type: "string" },
      },
    });
    const [command, ...rest] = positionals;
    if (values.help) return { ...values, command };
    if (command !== "start" && command !== "status") {
      return command === undefined ? "Which command?" : `There is no command "${command}".`;
    }
    if (rest.length > 0) return `"${rest.join(" ")}" is not expected after ${command}.`;
    for (const name of ["fileserver", "downloader"] as const) {
      const url = values[name];
      if (url !== undefined && !URL.canParse(url)) return `--${name} must be a URL, not "${url}".`;
    }
    return { ...values, command };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
