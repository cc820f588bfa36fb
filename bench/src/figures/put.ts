import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Figure } from "../compare.ts";
import { startFileserver, startNginx } from "../contenders.ts";
import { curlSeconds } from "../curl.ts";
import { makeFile } from "../make-file.ts";

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
    bytes: BYTES,
    start: async ({ directory }) => {
      await makeFile(join(directory, "source.bin"), BYTES);
      const [ours, theirs] = [join(directory, `put-${durability}`), join(directory, `nginx-${durability}`)];
      await Promise.all([ours, theirs].map((path) => mkdir(path)));
      return { ours: await startFileserver(ours, durability), theirs: await startNginx(theirs) };
    },
    run: ({ url }, { directory }) => curlSeconds("-T", join(directory, "source.bin"), `${url}/files/put.bin`),
  };
}
