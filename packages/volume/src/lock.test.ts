import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { BusyError } from "./errors.ts";
import { KernelLock } from "./lock.ts";
import { canMount, mountReadOnly } from "./testing/disk.ts";
import { startPeer } from "./testing/start-peer.ts";
import { temporaryFolder } from "./testing/volume.ts";

function openLock(file: string, waitLimitMs?: number): KernelLock {
  const lock = new KernelLock(file, waitLimitMs);
  onTestFinished(() => lock.close());
  return lock;
}

test("what another process holds cannot be taken until that process is killed", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "lock");
  const peer = await startPeer(folder);
  expect(await peer.call("hold", file)).toBe(true);
  const lock = openLock(file);
  expect(lock.tryHold()).toBe(false);
  await peer.kill();
  expect(lock.tryHold()).toBe(true);
});

test("what this process holds another cannot take until it is closed", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "lock");
  const peer = await startPeer(folder);
  const lock = new KernelLock(file);
  expect(lock.tryHold()).toBe(true);
  expect(await peer.call("hold", file)).toBe(false);
  lock.close();
  expect(await peer.call("hold", file)).toBe(true);
});

test("a second lock on the same file in this process neither takes the first one's nor, closing, frees it", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "lock");
  const peer = await startPeer(folder);
  expect(openLock(file).tryHold()).toBe(true);
  const second = new KernelLock(file);
  expect(second.tryHold()).toBe(false);
  second.close();
  expect(await peer.call("hold", file)).toBe(false);
});

test("work runs alone among two processes and several callers in each", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "lock");
  const counter = join(folder, "counter");
  writeFileSync(counter, "0");
  const peer = await startPeer(folder);
  const lock = openLock(file);
  const count = async (): Promise<void> => {
    const value = Number(readFileSync(counter, "utf8"));
    await sleep(1);
    writeFileSync(counter, String(value + 1));
  };
  const own = Array.from({ length: 100 }, () => lock.run(count));
  await Promise.all([...own, peer.call("count", file, counter, 100)]);
  expect(readFileSync(counter, "utf8")).toBe("200");
});

test("holding makes no file but the one that was named", async () => {
  const folder = await temporaryFolder();
  expect(openLock(join(folder, "lock")).tryHold()).toBe(true);
  expect(readdirSync(folder)).toEqual(["lock"]);
});

test("callers in one process come in the order in which they asked", async () => {
  const lock = openLock(join(await temporaryFolder(), "lock"));
  const order: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    order.push(`${name} in`);
    await sleep(2);
    order.push(`${name} out`);
  };
  await Promise.all([lock.run(work("a")), lock.run(work("b")), lock.run(work("c"))]);
  expect(order).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"]);
});

test("work that fails lets the lock go, and its error reach only its caller", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "lock");
  const lock = openLock(file);
  const failing = lock.run(() => Promise.reject(new Error("work failed")));
  const following = lock.run(() => Promise.resolve("went on"));
  await expect(failing).rejects.toThrow("work failed");
  expect(await following).toBe("went on");
  expect(openLock(file).tryHold()).toBe(true);
});

test("a file that was removed, or is another one by now, is not what is held", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "lock");
  const lock = openLock(file);
  await lock.run(() => Promise.resolve());
  rmSync(file);
  const other = openLock(file);
  expect(other.tryHold()).toBe(true);
  expect(lock.tryHold()).toBe(false);
  other.close();
  expect(lock.tryHold()).toBe(true);
  expect(openLock(file).tryHold()).toBe(false);
});

test("running makes the folder that the file stands in", async () => {
  const folder = await temporaryFolder();
  const lock = openLock(join(folder, "new", "lock"));
  expect(await lock.run(() => Promise.resolve("ran"))).toBe("ran");
  expect(readdirSync(folder)).toEqual(["new"]);
});

test.skipIf(!canMount)(
  "a file that may only be read is no lock (needs mount and its privilege)",
  async () => {
    const folder = await temporaryFolder();
    const file = join(folder, "lock");
    expect(openLock(file).tryHold()).toBe(true);
    const { view, allowWriting } = await mountReadOnly(folder);
    const seen = openLock(join(view, "lock"));
    expect(() => seen.tryHold()).toThrow("EROFS");
    allowWriting();
    expect(seen.tryHold()).toBe(false);
  },
);

test("waiting ends with an error when another holds the lock for too long", async () => {
  const file = join(await temporaryFolder(), "lock");
  const holder = new KernelLock(file);
  expect(holder.tryHold()).toBe(true);
  const waiting = openLock(file, 50);
  await expect(waiting.run(() => Promise.resolve("too early"))).rejects.toThrow(BusyError);
  holder.close();
  expect(await waiting.run(() => Promise.resolve("my turn"))).toBe("my turn");
});

test("a folder that does not exist is an error, not a lock", async () => {
  const folder = await temporaryFolder();
  expect(() => openLock(join(folder, "missing", "lock")).tryHold()).toThrow("ENOENT");
});
