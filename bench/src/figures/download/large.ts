import { rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { aria2 } from "../../aria2.ts";
import { mebibytes, type Figure, type Run } from "../../compare.ts";
import { startDownloader, startNginx, type Durability, type NginxOptions } from "../../contenders.ts";
import { downloadSeconds } from "../../downloads.ts";
import { makeFile } from "../../make-file.ts";
import { runProgram } from "../../program.ts";
import { contender } from "../../server.ts";
import { makeFolder } from "../../workspace.ts";

/** How a peer fetches `url` into `directory` as `out.bin`. */
type Fetch = (url: string, directory: string) => Promise<Run>;

const curl: Fetch = (url, directory) =>
  runProgram("curl", ["--silent", "--show-error", "--fail", "--output", join(directory, "out.bin"), url]);

const aria2With =
  (...options: string[]): Fetch =>
  (url, directory) =>
    aria2(directory, "large", "--out=out.bin", ...options, url);

interface Case {
  readonly title: string;
  readonly peer: string;
  readonly bytes: number;
  readonly segments: number;
  readonly durability: Durability;
  readonly origin: NginxOptions;
  readonly fetch: Fetch;
}

/** One large file from nginx, which reads it from the page cache. The peers never sync. */
export const large: readonly Figure[] = [
  ...(["relaxed", "full"] as const).flatMap((durability) => [
    oneConnection(durability, "curl -o", curl),
    oneConnection(durability, "aria2c -x1", aria2With("-x1", "-s1")),
  ]),
  ...(["relaxed", "full"] as const).map((durability) =>
    figure({
      title: `512 MiB at 20 MiB/s a connection, 4 segments, DURABILITY=${durability}`,
      peer: "aria2c -x4 -s4 -k1M",
      bytes: 512 * 2 ** 20,
      segments: 4,
      durability,
      origin: { reading: "buffers", rate: "20m" },
      fetch: aria2With("-x4", "-s4", "-k1M"),
    }),
  ),
];

function oneConnection(durability: Durability, peer: string, fetch: Fetch): Figure {
  const title = `download of 1 GiB, 1 connection, DURABILITY=${durability}`;
  const origin = { reading: "buffers" } as const;
  return figure({ title, peer, bytes: 2 ** 30, segments: 1, durability, origin, fetch });
}

function figure({ title, peer, bytes, segments, durability, origin, fetch }: Case): Figure {
  return {
    title,
    peer,
    work: mebibytes(bytes),
    start: async (workspace, stack) => {
      const source = await makeFolder(workspace, stack);
      await makeFile(join(source, "in.bin"), bytes);
      const nginx = stack.use(await startNginx(source, origin));
      const url = `${nginx.url}/files/in.bin`;
      const volume = await makeFolder(workspace, stack);
      const downloader = stack.use(await startDownloader(volume, { DURABILITY: durability }));
      const directory = await makeFolder(workspace, stack);
      return {
        ours: contender(downloader, async () => {
          const seconds = await downloadSeconds(downloader.url, [{ url, filename: "out.bin", segments }]);
          await removeWhole(join(volume, "out.bin"), bytes);
          return seconds;
        }),
        theirs: async () => {
          const run = await fetch(url, directory);
          await removeWhole(join(directory, "out.bin"), bytes);
          return run;
        },
      };
    },
  };
}

async function removeWhole(path: string, bytes: number): Promise<void> {
  const { size } = await stat(path);
  if (size !== bytes) throw new Error(`${path} has ${size} of ${bytes} bytes`);
  await rm(path);
}
