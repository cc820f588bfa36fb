// A second process on the same volume, told over IPC what to do. Started by `startPeer`.
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { Entry } from "../entries.ts";
import { VolumeError } from "../errors.ts";
import { KernelLock } from "../lock.ts";
import { VolumePath } from "../path.ts";
import type { StagedFile } from "../staged-file.ts";
import { Volume } from "../volume.ts";

export interface PeerRequest {
  readonly call: keyof PeerCalls;
  readonly args: readonly unknown[];
}
export type PeerAnswer = { readonly result: unknown } | { readonly error: string };
export type PeerCalls = typeof calls;

const [directory = ""] = process.argv.slice(2);
const volume = await Volume.open({ directory, isDurable: false, minFreeBytes: 0, strayAgeMs: 60_000 });
const staged: StagedFile[] = [];
const locks: KernelLock[] = [];

const calls = {
  etag: async (path: string): Promise<string | null> => (await volume.stat(VolumePath.parse(path))).etag,

  /** Resolves to the new entity tag, or to the code of the error. */
  publish: async (path: string, text: string, how: PeerPublish): Promise<string | null> => {
    await using file = await volume.stage();
    writeSync(file.fd, text);
    const condition =
      how.ifMatch === undefined ? undefined : (current?: Entry) => current?.etag === how.ifMatch;
    try {
      return (await file.publish(VolumePath.parse(path), { replace: how.replace, condition })).entry.etag;
    } catch (error) {
      if (error instanceof VolumeError) return error.code;
      throw error;
    }
  },

  /** Publishes whole files under a few names without end: made, replaced, and left staged now and then. */
  publishForever: async (names: readonly string[], bytes: number): Promise<never> => {
    for (let round = 0; ; round++) {
      const name = names[round % names.length] ?? "";
      const file = await volume.stage();
      writeSync(file.fd, String.fromCharCode(97 + (round % 26)).repeat(bytes));
      await file.publish(VolumePath.parse(name), { replace: true, keepStaged: round % 5 === 0 });
      await file.close();
    }
  },

  holder: (): Promise<string> => volume.holder(),

  stage: async (text: string): Promise<void> => {
    const file = await volume.stage();
    writeSync(file.fd, text);
    staged.push(file);
  },
  publishStaged: async (path: string): Promise<void> => {
    for (const file of staged.splice(0)) await file.publish(VolumePath.parse(path));
  },

  sweep: (): Promise<number> => volume.sweep(),

  /** Takes the lock of `file` if it is free, and keeps it. */
  hold: (file: string): Promise<boolean> => {
    const lock = new KernelLock(file);
    locks.push(lock);
    return Promise.resolve(lock.tryHold());
  },

  /** Adds to the number in `counter` under the lock of `file`, with time to be disturbed in between. */
  count: async (file: string, counter: string, times: number): Promise<void> => {
    const lock = new KernelLock(file);
    for (let time = 0; time < times; time++) {
      await lock.run(async () => {
        const value = Number(readFileSync(counter, "utf8"));
        await sleep(1);
        writeFileSync(counter, String(value + 1));
      });
    }
    lock.close();
  },

  /** Rewrites a file in place, as a program that knows nothing of Wharf would. */
  rewriteInPlace: async (file: string, texts: readonly string[]): Promise<void> => {
    const fd = openSync(file, "r+");
    for (const [index, text] of texts.entries()) {
      writeSync(fd, text, 0);
      // Long enough apart for every other reader to see it settle.
      await sleep(12 + ((index * 7) % 20));
    }
    closeSync(fd);
  },
};

interface PeerPublish {
  readonly replace: boolean;
  readonly ifMatch?: string;
}

async function answer({ call, args }: PeerRequest): Promise<PeerAnswer> {
  try {
    const run = calls[call] as (...given: readonly unknown[]) => Promise<unknown>;
    return { result: await run(...args) };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.on("message", (request: PeerRequest) => {
  void answer(request).then((message) => process.send?.(message));
});
process.on("disconnect", () => process.exit());
process.send?.({ result: "ready" } satisfies PeerAnswer);
