import { join } from "node:path";

import { mebibytes, type Figure } from "../compare.ts";
import { startFileserver, startNginx } from "../contenders.ts";
import { curlSeconds } from "../curl.ts";
import { makeFile } from "../make-file.ts";
import { contender, type Server } from "../server.ts";
import { makeFolder } from "../workspace.ts";

const BYTES = 512 * 2 ** 20;

/**
 * curl puts one file again and again, replacing it. nginx answers when the bytes are in the page cache; so do we with
 * `DURABILITY=relaxed`, and with `full` only when they are on the disk.
 */
export const put: readonly Figure[] = [putFigure("relaxed"), putFigure("full")];

function putFigure(durability: "relaxed" | "full"): Figure {
  return {
    title: `PUT 512 MiB, DURABILITY=${durability}`,
    peer: "nginx DAV, 1 worker, no sync",
    work: mebibytes(BYTES),
    start: async (workspace, stack) => {
      const source = join(workspace.directory, "source.bin");
      await makeFile(source, BYTES);
      const run = (server: Server) =>
        contender(stack.use(server), () => curlSeconds("-T", source, `${server.url}/files/put.bin`));
      return {
        ours: run(await startFileserver(await makeFolder(workspace, stack), durability)),
        theirs: run(await startNginx(await makeFolder(workspace, stack))),
      };
    },
  };
}
