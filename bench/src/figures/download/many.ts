import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { aria2 } from "../../aria2.ts";
import type { Figure } from "../../compare.ts";
import { startDownloader, startNginx, type Durability } from "../../contenders.ts";
import { downloadSeconds } from "../../downloads.ts";
import { makeFile } from "../../make-file.ts";
import { contender } from "../../server.ts";
import { makeFolder } from "../../workspace.ts";

const FILES = 2000;
const FILE_BYTES = 100 * 2 ** 10;
const AT_ONCE = 16;

/** Two thousand small files: two requests of a thousand for us, a list of URLs for aria2. */
export const many: readonly Figure[] = [figure("relaxed"), figure("full")];

function figure(durability: Durability): Figure {
  return {
    title: `2,000 files of 100 KiB, ${AT_ONCE} at once, DURABILITY=${durability}`,
    peer: `aria2c -i list -j${AT_ONCE}`,
    work: { amount: FILES, unit: "files", cpuAmount: 1000, cpuUnit: "1,000 files" },
    start: async (workspace, stack) => {
      const source = await makeFolder(workspace, stack);
      const names = Array.from({ length: FILES }, (_, index) => `${index}.bin`);
      for (const name of names) await makeFile(join(source, name), FILE_BYTES);
      const nginx = stack.use(await startNginx(source));
      const urls = names.map((name) => `${nginx.url}/files/${name}`);
      const list = join(source, "list.txt");
      await writeFile(list, urls.join("\n"));
      const volume = await makeFolder(workspace, stack);
      const limits = { MAX_ACTIVE: String(AT_ONCE), MAX_PER_HOST: String(AT_ONCE) };
      const downloader = stack.use(await startDownloader(volume, { DURABILITY: durability, ...limits }));
      const directory = join(source, "out");
      return {
        ours: contender(downloader, async () => {
          const wanted = urls.map((url) => ({ url, path: "/out" }));
          const seconds = await downloadSeconds(downloader.url, wanted);
          await removeAll(join(volume, "out"));
          return seconds;
        }),
        theirs: async () => {
          await mkdir(directory);
          const run = await aria2(directory, "small", `-i${list}`, `-j${AT_ONCE}`);
          await removeAll(directory);
          return run;
        },
      };
    },
  };
}

async function removeAll(directory: string): Promise<void> {
  const { length } = await readdir(directory);
  if (length !== FILES) throw new Error(`${directory} has ${length} of ${FILES} files`);
  await rm(directory, { recursive: true });
}
