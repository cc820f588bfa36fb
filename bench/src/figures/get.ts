import { join } from "node:path";

import { mebibytes, type Figure } from "../compare.ts";
import { startFileserver, startNginx, type NGINX_READING } from "../contenders.ts";
import { curlSeconds } from "../curl.ts";
import { makeFile } from "../make-file.ts";
import { contender, type Server } from "../server.ts";

const BYTES = 2 ** 30;

/** Both serve the same file from the page cache to one curl. */
export const get: readonly Figure[] = [
  getFigure("sendfile", "nginx, 1 worker, sendfile"),
  getFigure("buffers", "nginx, 1 worker, sendfile off, 2 buffers of 512 KiB"),
];

function getFigure(reading: keyof typeof NGINX_READING, peer: string): Figure {
  return {
    title: "GET 1 GiB",
    peer,
    work: mebibytes(BYTES),
    start: async ({ directory }, stack) => {
      await makeFile(join(directory, "large.bin"), BYTES);
      const run = (server: Server) =>
        contender(stack.use(server), () => curlSeconds(`${server.url}/files/large.bin`));
      return {
        ours: run(await startFileserver(directory, "full")),
        theirs: run(await startNginx(directory, { reading })),
      };
    },
  };
}
