import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, onTestFinished, test, vi } from "vitest";

import { FileSink } from "./sink.ts";
import { settle, temporaryFolder } from "./testing/volume.ts";

const MiB = 1 << 20;

async function temporaryFile(flags = "w+"): Promise<{ fd: number; content: () => Buffer }> {
  const path = join(await temporaryFolder(), "file");
  closeSync(openSync(path, "w"));
  const fd = openSync(path, flags);
  onTestFinished(() => closeSync(fd));
  return { fd, content: () => readFileSync(path) };
}

/** A gate before each batch: nothing is written until it is opened. */
function gate(): { open: () => void; pass: () => Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, pass: () => promise };
}

describe("a chunk's memory", () => {
  test("is given back once it was written, when the chunk is all of it", async () => {
    const { fd } = await temporaryFile();
    const pass = gate();
    const sink = new FileSink(fd, 0, { beforeBatch: pass.pass });
    const chunk = new Uint8Array(100_000);
    sink.push(chunk);
    const flushed = sink.flush();
    expect(chunk).toHaveLength(100_000);
    pass.open();
    await flushed;
    expect(chunk.buffer.detached).toBe(true);
  });

  test("is left alone when it is little: parsers hand out buffers that they use again", async () => {
    const { fd } = await temporaryFile();
    const sink = new FileSink(fd, 0);
    const chunk = new Uint8Array(70);
    sink.push(chunk);
    await sink.flush();
    expect(chunk).toHaveLength(70);
  });

  test("is left alone when others may have a part of it", async () => {
    const { fd, content } = await temporaryFile();
    const sink = new FileSink(fd, 0);
    const memory = new Uint8Array(100_000).fill(1);
    sink.push(memory.subarray(0, 60_000));
    await sink.flush();
    sink.push(memory.subarray(60_000));
    await sink.flush();
    expect(memory).toHaveLength(100_000);
    expect(content().equals(memory)).toBe(true);
  });
});

describe("what is pushed is written in order, whole and once", () => {
  test.each([
    ["many tiny chunks", Array.from({ length: 5000 }, () => 3)],
    ["chunks of every size", Array.from({ length: 400 }, (_, index) => (index * 7919) % 60_000)],
    ["empty chunks among others", [0, 5, 0, 0, 7, 0]],
    ["only empty chunks", [0, 0]],
    ["one large chunk", [20 * MiB]],
    ["large and tiny chunks in turn", [3 * MiB, 1, 3 * MiB, 1, 3 * MiB, 1]],
    ["nothing", []],
  ])("%s", async (_, sizes) => {
    const { fd, content } = await temporaryFile();
    const chunks = sizes.map((size) => randomBytes(size));
    const whole = Buffer.concat(chunks);
    const sink = new FileSink(fd, 0);
    for (const chunk of chunks) if (!sink.push(chunk)) await sink.drained();
    await sink.flush();
    expect(sink.position).toBe(whole.length);
    expect(content().equals(whole)).toBe(true);
  });

  test("also when the caller ignores the back-pressure", async () => {
    const { fd, content } = await temporaryFile();
    const chunks = Array.from({ length: 3000 }, () => randomBytes(10_000));
    const whole = Buffer.concat(chunks);
    const sink = new FileSink(fd, 0);
    for (const chunk of chunks) sink.push(chunk);
    await sink.flush();
    expect(content().equals(whole)).toBe(true);
  });

  test("from the offset it was given on", async () => {
    const { fd, content } = await temporaryFile();
    const sink = new FileSink(fd, 3);
    sink.push(Buffer.from("defgh"));
    await sink.flush();
    expect(sink.position).toBe(8);
    expect(content().toString()).toBe("\0\0\0defgh");
  });

  test("after each flush it goes on where it was", async () => {
    const { fd, content } = await temporaryFile();
    const sink = new FileSink(fd, 0);
    for (const text of ["one ", "two ", "three"]) {
      sink.push(Buffer.from(text));
      await sink.flush();
    }
    expect(content().toString()).toBe("one two three");
  });
});

describe("writes are gathered", () => {
  test("a small chunk waits for more, or for a flush", async () => {
    const { fd, content } = await temporaryFile();
    const batches: number[] = [];
    const sink = new FileSink(fd, 0, { beforeBatch: (bytes) => void batches.push(bytes) });
    sink.push(Buffer.alloc(1000));
    sink.push(Buffer.alloc(2000));
    await settle();
    expect(content()).toHaveLength(0);
    await sink.flush();
    expect(content()).toHaveLength(3000);
    expect(batches).toEqual([3000]);
  });

  test("a mebibyte is written without a flush", async () => {
    const { fd, content } = await temporaryFile();
    const sink = new FileSink(fd, 0);
    for (let chunk = 0; chunk < 16; chunk++) sink.push(Buffer.alloc(MiB / 16));
    await expect.poll(() => content().length).toBe(MiB);
  });

  test("1,024 tiny chunks are written without a flush: one call of the system takes no more", async () => {
    const { fd, content } = await temporaryFile();
    const batches: number[] = [];
    const sink = new FileSink(fd, 0, { beforeBatch: (bytes) => void batches.push(bytes) });
    for (let chunk = 0; chunk < 3000; chunk++) sink.push(Buffer.from("x"));
    await expect.poll(() => content().length).toBe(2048);
    await sink.flush();
    expect(batches).toEqual([1024, 1024, 952]);
  });

  test("are as large as they are to be at the moment, and told of as they are written", async () => {
    const { fd, content } = await temporaryFile();
    const written: [number, number][] = [];
    let batchBytes = 4;
    const sink = new FileSink(fd, 2, {
      batchBytes: () => batchBytes,
      onWritten: (start, end) => written.push([start, end]),
    });
    sink.push(Buffer.from("abc"));
    await settle();
    expect(written).toEqual([]);
    sink.push(Buffer.from("d"));
    await sink.flush();
    batchBytes = 1;
    sink.push(Buffer.from("e"));
    await vi.waitFor(() =>
      expect(written).toEqual([
        [2, 6],
        [6, 7],
      ]),
    );
    expect(content().toString()).toBe("\0\0abcde");
  });

  test("only one batch is under way at a time", async () => {
    const { fd } = await temporaryFile();
    let underWay = 0;
    let most = 0;
    const beforeBatch = async (): Promise<void> => {
      most = Math.max(most, ++underWay);
      await settle();
      underWay--;
    };
    const sink = new FileSink(fd, 0, { beforeBatch });
    for (let chunk = 0; chunk < 7; chunk++) sink.push(Buffer.alloc(MiB));
    await sink.flush();
    expect(most).toBe(1);
  });
});

describe("back-pressure", () => {
  test("begins at three batches that wait, and ends below two", async () => {
    const { fd } = await temporaryFile();
    const { open, pass } = gate();
    const sink = new FileSink(fd, 0, { beforeBatch: pass });
    const isMoreWelcome = Array.from({ length: 7 }, () => sink.push(Buffer.alloc(MiB / 2)));
    expect(isMoreWelcome).toEqual([true, true, true, true, true, false, false]);
    let isDrained = false;
    const drained = sink.drained().then(() => (isDrained = true));
    await settle();
    expect(isDrained).toBe(false);
    open();
    await drained;
    expect(3.5 * MiB - sink.position).toBeLessThan(2 * MiB);
  });

  test("there is none while less waits", async () => {
    const { fd } = await temporaryFile();
    const { open, pass } = gate();
    const sink = new FileSink(fd, 0, { beforeBatch: pass });
    sink.push(Buffer.alloc(MiB - 1));
    await sink.drained();
    expect(sink.position).toBe(0);
    open();
    await sink.flush();
  });

  test("a flush ends though more is pushed all the time", async () => {
    const { fd } = await temporaryFile();
    const sink = new FileSink(fd, 0, { beforeBatch: () => sleep(5) });
    const pushing = setInterval(() => sink.push(Buffer.alloc(64 << 10)), 2);
    onTestFinished(() => clearInterval(pushing));
    sink.push(Buffer.alloc(MiB));
    await sink.flush();
    expect(sink.position).toBeGreaterThanOrEqual(MiB);
    clearInterval(pushing);
    await sink.flush();
  });

  test("a flush that overlaps another, and pushes in between, still ends", async () => {
    const { fd, content } = await temporaryFile();
    const sink = new FileSink(fd, 0);
    sink.push(Buffer.alloc(5 * MiB));
    const second = sink.drained().then(() => {
      for (let chunk = 0; chunk < 1500; chunk++) sink.push(Buffer.from("x"));
      return sink.flush();
    });
    await Promise.all([sink.flush(), second]);
    expect(content()).toHaveLength(5 * MiB + 1500);
  });
});

describe("a write that fails", () => {
  test("is told to everyone who waits, and to everyone who comes later", async () => {
    const { fd } = await temporaryFile("r");
    const sink = new FileSink(fd, 0);
    for (let chunk = 0; chunk < 9; chunk++) sink.push(Buffer.alloc(MiB));
    const waiting = [sink.drained(), sink.flush()];
    for (const promise of waiting) await expect(promise).rejects.toMatchObject({ code: "EBADF" });
    expect(sink.push(Buffer.alloc(1))).toBe(false);
    await expect(sink.drained()).rejects.toMatchObject({ code: "EBADF" });
    await expect(sink.flush()).rejects.toMatchObject({ code: "EBADF" });
    expect(sink.position).toBe(0);
  });

  test("is told by the flush when nobody waited before", async () => {
    const { fd } = await temporaryFile("r");
    const sink = new FileSink(fd, 0);
    sink.push(Buffer.from("small"));
    await expect(sink.flush()).rejects.toMatchObject({ code: "EBADF" });
  });

  test("may be the word of whoever is asked before each batch, and then nothing is written", async () => {
    const { fd, content } = await temporaryFile();
    const refusal = new Error("no more");
    const sizes: number[] = [];
    const beforeBatch = (bytes: number): Promise<void> | undefined => {
      sizes.push(bytes);
      return sizes.length > 1 ? Promise.reject(refusal) : undefined;
    };
    const sink = new FileSink(fd, 0, { beforeBatch });
    sink.push(Buffer.alloc(MiB));
    sink.push(Buffer.alloc(2 * MiB));
    sink.push(Buffer.alloc(3 * MiB));
    await expect(sink.flush()).rejects.toBe(refusal);
    expect(sizes).toEqual([MiB, 5 * MiB]);
    expect(content()).toHaveLength(MiB);
    expect(sink.push(Buffer.alloc(1))).toBe(false);
  });
});

describe("a sink that is stopped", () => {
  test("finishes the batch that is under way, and writes nothing more", async () => {
    const { fd, content } = await temporaryFile();
    const { open, pass } = gate();
    const sink = new FileSink(fd, 0, { beforeBatch: pass });
    sink.push(Buffer.alloc(MiB));
    sink.push(Buffer.alloc(2 * MiB));
    let isStopped = false;
    const stopped = sink.stop().then(() => (isStopped = true));
    await settle();
    expect(isStopped).toBe(false);
    open();
    await stopped;
    await settle();
    expect(content()).toHaveLength(MiB);
  });

  test("refuses what comes later, and ends every wait", async () => {
    const { fd } = await temporaryFile();
    const { open, pass } = gate();
    const sink = new FileSink(fd, 0, { beforeBatch: pass });
    sink.push(Buffer.alloc(9 * MiB));
    const waits = Promise.allSettled([sink.drained(), sink.flush()]);
    open();
    await sink.stop();
    expect((await waits).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(sink.push(Buffer.alloc(1))).toBe(false);
    await sink.stop();
  });
});
