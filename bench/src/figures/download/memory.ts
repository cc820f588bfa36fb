import { join } from "node:path";

import { startDownloader, startNginx } from "../../contenders.ts";
import { submit, untilCompleted, untilRunning } from "../../downloads.ts";
import { makeFile } from "../../make-file.ts";
import type { Reading } from "../../reading.ts";
import { makeFolder } from "../../workspace.ts";

const DOWNLOADS = 64;
const BYTES = 32 * 2 ** 20;

/** The most memory that a fresh downloader has while and after it brings 64 downloads of 32 MiB at once. */
export const memory: readonly Reading[] = [
  reading("1 connection each, 2 MiB/s a connection", 1, "2m"),
  reading("4 connections each, 2 MiB/s a connection", 4, "2m"),
  reading("4 connections each, unthrottled", 4),
];

function reading(how: string, segments: number, rate?: string): Reading {
  return {
    title: `most memory, ${DOWNLOADS} downloads at once, ${how}`,
    wanted: "< 150 MB",
    measure: async (workspace, stack) => {
      const source = await makeFolder(workspace, stack);
      await makeFile(join(source, "in.bin"), BYTES);
      const nginx = stack.use(await startNginx(source, { ...(rate !== undefined && { rate }) }));
      const limits = { MAX_ACTIVE: String(DOWNLOADS), MAX_PER_HOST: String(DOWNLOADS * segments) };
      const volume = await makeFolder(workspace, stack);
      const downloader = stack.use(await startDownloader(volume, limits));
      const { now: before } = await downloader.memory();
      const wanted = Array.from({ length: DOWNLOADS }, (_, index) => {
        return { url: `${nginx.url}/files/in.bin`, filename: `${index}.bin`, segments };
      });
      const ids = await submit(downloader.url, wanted);
      // As fast as the machine can, the first may end before the last begins.
      if (rate !== undefined) await untilRunning(downloader.url, DOWNLOADS);
      await untilCompleted(downloader.url, ids);
      const { most } = await downloader.memory();
      return `**${megabytes(most)} MB** (${megabytes(before)} MB before the first)`;
    },
  };
}

function megabytes(mebibytes: number): string {
  return ((mebibytes * 2 ** 20) / 1e6).toFixed(0);
}
