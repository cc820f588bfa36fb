import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { noiseBuffer, noiseStream } from "./harness/content.ts";
import { useFolder } from "./harness/folder.ts";
import { expectProblem, send, type Answer } from "./harness/http.ts";
import { listPages } from "./harness/listing.ts";
import { describeWith, mounting, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { run } from "./harness/run.ts";
import { startService, type AppName, type Service } from "./harness/service.ts";

const MIB = 2 ** 20;

/** How many files are staged on a volume. */
async function stagedFiles(volume: string): Promise<number> {
  const staging = join(volume, ".wharf", "staging");
  const folders = (await readdir(staging)).filter((name) => !name.endsWith(".lock"));
  return (await Promise.all(folders.map((name) => readdir(join(staging, name))))).flat().length;
}

const form = (bytes: Buffer) => ({
  headers: { "content-type": "multipart/form-data; boundary=b" },
  body: Buffer.concat([
    Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="small"\r\n\r\nsmall\r\n'),
    Buffer.from('--b\r\nContent-Disposition: form-data; name="f"; filename="big"\r\n\r\n'),
    bytes,
    Buffer.from("\r\n--b--\r\n"),
  ]),
});

async function expectNotReady(url: string, check: string): Promise<void> {
  const problem = expectProblem(await send("GET", `${url}/readyz`), 503, "NOT_READY");
  expect(problem).toMatchObject({ checks: { [check]: expect.any(String) as string } });
  expect((await send("GET", `${url}/livez`)).status).toBe(200);
}

describeWith("a small disk", [ownServices, mounting()], () => {
  const folder = useFolder();
  let volume = "";
  let services: Service[] = [];
  let mounts = 0;
  const mount = async (...options: string[]): Promise<void> => {
    const { code, stderr } = await run("mount", [...options, volume]);
    if (code !== 0) throw new Error(stderr);
  };
  const start = async (app: AppName, env: Record<string, string>): Promise<string> => {
    const service = await startService(app, { VOLUME_DIR: volume, ...env });
    services.push(service);
    return service.url;
  };
  beforeEach(async () => {
    volume = join(folder.path, `disk-${mounts++}`);
    await mkdir(volume);
    await mount("-t", "tmpfs", "-o", "size=8m", "tmpfs");
  });
  afterEach(async () => {
    await Promise.all(services.map((service) => service.end("SIGKILL")));
    services = [];
    await run("umount", [volume]);
  });

  describe("that is full", () => {
    const put = (url: string, name: string, parts: Parameters<typeof send>[2]): Promise<Answer> =>
      send("PUT", `${url}/files/${name}`, parts);

    it("is 507 by length, by chunks and in a form, and nothing partial remains", async () => {
      const url = await start("fileserver", { MIN_FREE_BYTES: "0" });
      expect((await put(url, "fits", { body: noiseBuffer(3 * MIB, "fits") })).status).toBe(201);
      expect((await put(url, "kept", { body: "as it was" })).status).toBe(201);

      const big = noiseBuffer(9 * MIB, "big");
      expectProblem(await put(url, "length", { body: big }), 507, "INSUFFICIENT_STORAGE");
      const chunked = { body: noiseStream(9 * MIB, "chunked").stream };
      expectProblem(await put(url, "chunked", chunked), 507, "INSUFFICIENT_STORAGE");
      expectProblem(
        await put(url, "kept", { body: noiseStream(9 * MIB, "kept").stream }),
        507,
        "INSUFFICIENT_STORAGE",
      );
      // By its length already: nothing of it is stored.
      expectProblem(await send("POST", `${url}/files/form/`, form(big)), 507, "INSUFFICIENT_STORAGE");

      await until("staging is empty", async () => (await stagedFiles(volume)) === 0);
      expect((await listPages(`${url}/files/`)).map(({ name }) => name)).toEqual(["fits", "kept"]);
      expect((await send("GET", `${url}/files/kept`)).body.toString()).toBe("as it was");
      // What it refused has left its room.
      expect((await put(url, "still fits", { body: noiseBuffer(3 * MIB, "again") })).status).toBe(201);
      expect((await send("GET", `${url}/readyz`)).status).toBe(200);
    });

    it("to the last byte still serves, lists and removes, and takes files again after", async () => {
      const url = await start("fileserver", { MIN_FREE_BYTES: "0" });
      let files = 0;
      for (; files < 50; files++) {
        const { status } = await put(url, `part-${files}`, { body: noiseBuffer(MIB / 2, String(files)) });
        if (status === 507) break;
        expect(status).toBe(201);
      }
      expect(files).toBeGreaterThan(10);
      expect(files).toBeLessThan(17);
      expect((await send("GET", `${url}/files/part-0`)).body.equals(noiseBuffer(MIB / 2, "0"))).toBe(true);
      expect((await listPages(`${url}/files/`)).length).toBe(files);
      expect((await send("DELETE", `${url}/files/part-0`)).status).toBe(204);
      expect((await put(url, "after", { body: noiseBuffer(MIB / 4, "after") })).status).toBe(201);
    });

    it.each(["fileserver", "downloader"] as const)(
      "below the floor is 507, and the %s is not ready",
      async (app) => {
        const url = await start(app, { MIN_FREE_BYTES: "4M" });
        expect((await send("GET", `${url}/readyz`)).status).toBe(200);
        const writer = app === "fileserver" ? url : await start("fileserver", { MIN_FREE_BYTES: "4M" });
        // By its length it would leave less than the floor.
        expectProblem(
          await put(writer, "big", { body: noiseBuffer(5 * MIB, "big") }),
          507,
          "INSUFFICIENT_STORAGE",
        );
        expect((await send("GET", `${url}/readyz`)).status).toBe(200);
        const other = await start("fileserver", { MIN_FREE_BYTES: "0" });
        expect((await put(other, "fill", { body: noiseBuffer(5 * MIB, "fill") })).status).toBe(201);
        expectProblem(await put(writer, "one byte", { body: "x" }), 507, "INSUFFICIENT_STORAGE");
        await expectNotReady(url, "volume");
        expect((await send("DELETE", `${writer}/files/fill`)).status).toBe(204);
        await until("it is ready again", async () => (await send("GET", `${url}/readyz`)).status === 200);
      },
    );
  });

  describe("that has become read-only", () => {
    it("is served, but not written: 503 VOLUME_READ_ONLY, not ready; and all is well when it can be written", async () => {
      // The system remounts only what nobody has open for writing: the one that writes is not the one that is judged.
      const writer = await start("fileserver", { MIN_FREE_BYTES: "0" });
      await send("PUT", `${writer}/files/folder/file`, { body: "as it was" });
      await services[0]?.end("SIGTERM");
      const url = await start("fileserver", { MIN_FREE_BYTES: "0" });
      await mount("-o", "remount,ro");
      expect((await send("GET", `${url}/files/folder/file`)).body.toString()).toBe("as it was");
      expect((await listPages(`${url}/files/folder/`)).length).toBe(1);
      const changes = [
        send("PUT", `${url}/files/new`, { body: "x" }),
        send("PUT", `${url}/files/folder/file`, { body: "x" }),
        send("POST", `${url}/files/`, form(Buffer.from("x"))),
        send("DELETE", `${url}/files/folder/file`),
        send("DELETE", `${url}/files/folder/?recursive=true`),
        send("MKCOL", `${url}/files/made/`),
      ];
      for (const answer of await Promise.all(changes)) expectProblem(answer, 503, "VOLUME_READ_ONLY");
      await expectNotReady(url, "volume");
      await mount("-o", "remount,rw");
      await until("it is ready again", async () => (await send("GET", `${url}/readyz`)).status === 200);
      expect((await send("PUT", `${url}/files/new`, { body: "x" })).status).toBe(201);
    });

    it("before it was ever written is 503 too", async () => {
      await mount("-o", "remount,ro");
      const url = await start("fileserver", { MIN_FREE_BYTES: "0" });
      expectProblem(await send("PUT", `${url}/files/new`, { body: "x" }), 503, "VOLUME_READ_ONLY");
      expect((await send("GET", `${url}/files/`)).status).toBe(200);
      await expectNotReady(url, "volume");
    });
  });
});

describeWith("a volume that goes away", [ownServices], () => {
  const folder = useFolder();

  it("is 503, not ready; and is taken up again when it is back", async () => {
    const volume = join(folder.path, "volume");
    const service = await startService("fileserver", { VOLUME_DIR: volume });
    const url = service.url;
    try {
      expect((await send("PUT", `${url}/files/file`, { body: "x" })).status).toBe(201);
      await rm(volume, { recursive: true });
      expectProblem(await send("GET", `${url}/files/file`), 503, "VOLUME_UNAVAILABLE");
      expectProblem(await send("GET", `${url}/files/`), 503, "VOLUME_UNAVAILABLE");
      expectProblem(await send("PUT", `${url}/files/file`, { body: "y" }), 503, "VOLUME_UNAVAILABLE");
      expectProblem(await send("DELETE", `${url}/files/file`), 503, "VOLUME_UNAVAILABLE");
      expectProblem(await send("MKCOL", `${url}/files/made/`), 503, "VOLUME_UNAVAILABLE");
      await expectNotReady(url, "volume");
      // Nothing was made in its place, where an unmounted disk's mount point would be.
      expect(await readdir(folder.path)).toEqual([]);

      await mkdir(volume);
      await until("it is ready again", async () => (await send("GET", `${url}/readyz`)).status === 200);
      expect((await send("GET", `${url}/files/file`)).status).toBe(404);
      expect((await send("PUT", `${url}/files/file`, { body: "z" })).status).toBe(201);
      expect((await send("GET", `${url}/files/file`)).body.toString()).toBe("z");
    } finally {
      await service.end("SIGKILL");
    }
  });

  it("during an upload is 503, and nothing is published", async () => {
    const volume = join(folder.path, "moving");
    const service = await startService("fileserver", { VOLUME_DIR: volume });
    try {
      async function* body(): AsyncGenerator<Buffer> {
        yield noiseBuffer(100_000, "first");
        await until("it is staged", async () => (await stagedFiles(volume).catch(() => 0)) === 1);
        await rename(volume, `${volume}-away`);
        yield noiseBuffer(100_000, "second");
      }
      const stream = Readable.from(body(), { objectMode: false });
      const answer = await send("PUT", `${service.url}/files/file`, { body: stream });
      expectProblem(answer, 503, "VOLUME_UNAVAILABLE");
      expect((await readdir(`${volume}-away`)).filter((name) => name !== ".wharf")).toEqual([]);
    } finally {
      await service.end("SIGKILL");
    }
  });
});
