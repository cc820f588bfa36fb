import { randomInt } from "node:crypto";
import { readdir } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { noiseBuffer, sha256 } from "./harness/content.ts";
import { makeFolder, removeFolder } from "./harness/folder.ts";
import { send } from "./harness/http.ts";
import { listPages } from "./harness/listing.ts";
import { describeWith, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { dial, parseResponses, readAll } from "./harness/raw.ts";
import { startService, type Service } from "./harness/service.ts";

const ROUNDS = 10;
const UPLOADS = 5;
const BYTES = 400_000;
const PIECES = 40;
const EARLIER = "as it was before";

/** Sends a body in small pieces with pauses, and resolves to the status, or undefined when none came. */
async function putSlowly(url: string, body: Buffer, pauseMs: number): Promise<number | undefined> {
  const socket = await dial(url).catch(() => undefined);
  if (!socket) return undefined;
  const answer = readAll(socket);
  socket.write(
    `PUT ${new URL(url).pathname} HTTP/1.1\r\nHost: e2e\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  await writeSlowly(socket, body, pauseMs);
  return parseResponses(await answer)[0]?.status;
}

async function writeSlowly(socket: Socket, body: Buffer, pauseMs: number): Promise<void> {
  const piece = Math.ceil(body.length / PIECES);
  for (let at = 0; at < body.length && !socket.destroyed; at += piece) {
    socket.write(body.subarray(at, at + piece));
    await sleep(pauseMs);
  }
}

describeWith("a fileserver that is killed during uploads", [ownServices], () => {
  let volume = "";
  let killed: Service;
  let other: Service;
  beforeAll(async () => {
    volume = await makeFolder();
    killed = await startService("fileserver", { VOLUME_DIR: volume });
    other = await startService("fileserver", { VOLUME_DIR: volume });
  });
  afterAll(async () => {
    await Promise.all([killed, other].map((service) => service.end("SIGKILL")));
    await removeFolder(volume);
  });

  const inStaging = async (): Promise<string[]> =>
    (await readdir(join(volume, ".wharf", "staging"))).toSorted();
  const count = { complete: 0, untouched: 0 };

  it.each(Array.from({ length: ROUNDS }, (_, n) => n))(
    "round %i: every name is as before or complete, and staging is swept",
    async (round) => {
      const names = Array.from({ length: UPLOADS }, (_, n) => `upload ${round} ${n}.bin`);
      const url = (name: string): string => `${other.url}/files/${encodeURIComponent(name)}`;
      // Every other name is taken already.
      for (const name of names.filter((_, n) => n % 2 === 0)) await send("PUT", url(name), { body: EARLIER });

      const meanwhile = `meanwhile ${round}.bin`;
      const meanwhileBody = noiseBuffer(BYTES, meanwhile);
      const unhurt = putSlowly(url(meanwhile), meanwhileBody, 80);
      const statuses = names.map((name) =>
        putSlowly(
          `${killed.url}/files/${encodeURIComponent(name)}`,
          noiseBuffer(BYTES, name),
          randomInt(5, 40),
        ),
      );
      await sleep(randomInt(100, 1_500));
      await killed.end("SIGKILL");
      const before = await inStaging();
      killed = await startService("fileserver", { VOLUME_DIR: volume });

      for (const [n, name] of names.entries()) {
        const { status, body } = await send("GET", url(name));
        const found =
          status === 404 ? "absent" : body.toString("latin1") === EARLIER ? "before" : sha256(body);
        const complete = sha256(noiseBuffer(BYTES, name));
        const acknowledged = await statuses[n];
        const allowed =
          acknowledged === undefined ? [complete, n % 2 === 0 ? "before" : "absent"] : [complete];
        expect(allowed).toContain(found);
        count[found === complete ? "complete" : "untouched"]++;
      }

      // The dead process's folder and lock are gone; what is left belongs to the one that never died.
      await until("the staging of the dead is swept", async () => {
        const left = (await inStaging()).filter((name) => before.includes(name));
        return left.length === 2;
      });
      expect(await unhurt).toBe(201);
      expect(sha256((await send("GET", url(meanwhile))).body)).toBe(sha256(meanwhileBody));
      await until("nothing is being staged", async () => {
        const folders = (await inStaging()).filter((name) => !name.endsWith(".lock"));
        const files = await Promise.all(
          folders.map((name) => readdir(join(volume, ".wharf", "staging", name))),
        );
        return files.flat().length === 0;
      });
    },
  );

  it("had uploads of both kinds, and lists no others", async () => {
    expect(count.complete + count.untouched).toBe(ROUNDS * UPLOADS);
    expect(count.untouched).toBeGreaterThan(0);
    const names = (await listPages(`${other.url}/files/`)).map(({ name }) => name);
    expect(names.filter((name) => !/^(?:upload \d+ \d|meanwhile \d+)\.bin$/.test(name))).toEqual([]);
  });
});
