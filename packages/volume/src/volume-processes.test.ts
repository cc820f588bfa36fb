import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, test, vi } from "vitest";

import type { Entry } from "./entries.ts";
import { startPeer } from "./testing/start-peer.ts";
import { at, during, put, read, stagedIn, temporaryVolume } from "./testing/volume.ts";
import type { Volume } from "./volume.ts";

const KiB = 1 << 10;

/** Publishes as a peer does: the new entity tag, or the code of the error. */
async function publish(
  volume: Volume,
  path: string,
  text: string,
  ifMatch?: string | null,
): Promise<string | null> {
  const condition = ifMatch === undefined ? undefined : (current?: Entry) => current?.etag === ifMatch;
  return await put(volume, path, text, { replace: ifMatch !== undefined, condition }).then(
    ({ entry }) => entry.etag,
    (error: unknown) => (error as { code: string }).code,
  );
}

describe("two processes", () => {
  test("that create one name at once: exactly one does, and its content stays", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    const winners = new Set<string>();
    for (let round = 0; round < 120; round++) {
      const path = `folder-${round}/file`;
      const [theirs, ours] = await Promise.all([
        peer.call("publish", path, "theirs", { replace: false }),
        publish(volume, path, "ours"),
      ]);
      const losers = [theirs, ours].filter((outcome) => outcome === "ALREADY_EXISTS");
      expect(losers).toHaveLength(1);
      const winner = theirs === "ALREADY_EXISTS" ? "ours" : "theirs";
      expect(readFileSync(join(directory, path), "utf8")).toBe(winner);
      winners.add(winner);
    }
    expect(winners.size).toBe(2);
  });

  test("that replace one version at once: exactly one does", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    const winners = new Set<string>();
    for (let round = 0; round < 120; round++) {
      const { entry } = await put(volume, "file", "before");
      const [theirs, ours] = await Promise.all([
        peer.call("publish", "file", "theirs", { replace: true, ifMatch: entry.etag ?? "" }),
        publish(volume, "file", "ours", entry.etag),
      ]);
      const losers = [theirs, ours].filter((outcome) => outcome === "PRECONDITION_FAILED");
      expect(losers).toHaveLength(1);
      const winner = theirs === "PRECONDITION_FAILED" ? "ours" : "theirs";
      expect(readFileSync(join(directory, "file"), "utf8")).toBe(winner);
      winners.add(winner);
    }
    expect(winners.size).toBe(2);
  });

  test("of which one replaces unconditionally: the other's stale condition never overwrites that", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    const outcomes = new Set<string | null>();
    for (let round = 0; round < 120; round++) {
      const { entry } = await put(volume, "file", "before");
      const [, conditional] = await Promise.all([
        peer.call("publish", "file", "unconditional", { replace: true }),
        publish(volume, "file", "conditional", entry.etag),
      ]);
      // Whether the condition held before or failed after: the unconditional one is the last word.
      expect(readFileSync(join(directory, "file"), "utf8")).toBe("unconditional");
      outcomes.add(conditional === "PRECONDITION_FAILED" ? "failed" : "held");
    }
    expect(outcomes.size).toBe(2);
  });

  test("of which one removes what the other replaces on condition: one of the two happens", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    for (let round = 0; round < 120; round++) {
      const { entry } = await put(volume, "file", "before");
      const ifMatch = entry.etag ?? "";
      const [replaced, removed] = await Promise.all([
        peer.call("publish", "file", "replaced", { replace: true, ifMatch }),
        volume.remove(at("file"), { condition: ({ etag }) => etag === ifMatch }).then(
          () => true,
          () => false,
        ),
      ]);
      expect(replaced === "PRECONDITION_FAILED").toBe(removed);
    }
  });

  test("of which one replaces a large file: the other never reads a part, nor one content under another's tag", async () => {
    const { volume, directory } = await temporaryVolume();
    const peer = await startPeer(directory);
    await put(volume, "file", "a".repeat(256 * KiB));
    const contents = new Map<string, string>();
    peer.call("publishForever", ["file"], 256 * KiB).catch(() => undefined);
    await during(sleep(1000), async () => {
      const { text, etag } = await read(volume, "file");
      const letter = text.charAt(0);
      expect(text === letter.repeat(256 * KiB)).toBe(true);
      expect(contents.get(etag) ?? letter).toBe(letter);
      contents.set(etag, letter);
    });
    expect(contents.size).toBeGreaterThan(10);
  });
});

describe("a process that is killed while it publishes", () => {
  test("leaves each name absent or whole, and nothing that a sweep does not take", async () => {
    const { volume, directory } = await temporaryVolume();
    const names = Array.from({ length: 40 }, (_, index) => `folder-${index % 4}/file-${index}`);
    let published = 0;
    for (let round = 0; round < 6; round++) {
      const peer = await startPeer(directory);
      // By its answer it has a staging folder, and by the first name it is at work, however slowly it started.
      await peer.call("publish", "first", "", { replace: true });
      peer.call("publishForever", names, 64 * KiB).catch(() => undefined);
      await vi.waitUntil(() => existsSync(join(directory, names[0] ?? "")), { timeout: 10_000, interval: 1 });
      await sleep(Math.random() * 60);
      await peer.kill();
      for (const name of names) {
        const path = join(directory, name);
        if (!existsSync(path)) continue;
        const text = readFileSync(path, "utf8");
        expect(text === text.charAt(0).repeat(64 * KiB)).toBe(true);
        published++;
      }
      // Names can be used at once: the dead process holds no lock.
      await put(volume, names[round] ?? "", "x".repeat(64 * KiB));
    }
    expect(published).toBeGreaterThan(0);
    expect((await stagedIn(directory)).length).toBeGreaterThan(0);
    expect(await volume.sweep()).toBe(6);
    expect(await stagedIn(directory)).toEqual([]);
    await volume.close();
    expect(readdirSync(join(directory, ".wharf/staging"))).toEqual([]);
  });
});
