import { commandOf, imageOf, type Command, type Environment } from "./command.ts";
import { processOf, removeContainers, startSandbox } from "./container.ts";
import { findProgram } from "./needs.ts";

/** Files of the system, and what is to stand in their place. */
export type Replaced = Readonly<Record<string, string>>;

/** A network that has nothing yet, and what is to be run in it. */
export interface Namespaces {
  /** A program with arguments, which runs in there whatever comes after. */
  readonly enter: readonly [string, ...string[]];
  /** What is still to be replaced in there. */
  readonly files: Replaced;
  /** Starts the downloader, from in there. */
  readonly command: Command;
  close(): void;
}

/** What `unshare` is to make, so that all that runs in it ends with it. */
export const UNSHARED = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"];

/** Makes a network for a downloader, from its source or in a container. */
export async function makeNamespaces(files: Replaced, env: Environment): Promise<Namespaces> {
  const image = imageOf("downloader");
  if (image !== undefined) return joinSandbox(await startSandbox(image), files, env);
  return {
    enter: [findProgram("unshare") ?? "unshare", ...UNSHARED],
    files,
    command: commandOf("downloader", env),
    close: () => undefined,
  };
}

/** A container's network cannot be made beforehand; but it can be another container's, as in a Pod. */
async function joinSandbox(sandbox: string, files: Replaced, env: Environment): Promise<Namespaces> {
  const command = commandOf("downloader", env, { network: `container:${sandbox}`, files });
  const close = (): void =>
    removeContainers([command.container, sandbox].filter((name) => name !== undefined));
  process.once("exit", close);
  const pid = await processOf(sandbox);
  return {
    enter: [findProgram("nsenter") ?? "nsenter", `--net=/proc/${pid}/ns/net`],
    files: {},
    command,
    close: () => {
      process.off("exit", close);
      close();
    },
  };
}
