import { join } from "node:path";

import type { Figure } from "../compare.ts";
import { startFileserver, startNginx } from "../contenders.ts";
import { curlSeconds } from "../curl.ts";
import { makeFile } from "../make-file.ts";

const BYTES = 2 ** 30;

/** Both serve the same file from the page cache to one curl. */
export const get: readonly Figure[] = [
  {
    title: "GET 1 GiB",
    peer: "nginx, sendfile, 1 worker",
    bytes: BYTES,
    start: async ({ directory }) => {
      await makeFile(join(directory, "large.bin"), BYTES);
      return { ours: await startFileserver(directory, "full"), theirs: await startNginx(directory) };
    },
    run: ({ url }) => curlSeconds(`${url}/files/large.bin`),
  },
];
