import { chown, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, inject, it } from "vitest";

import { sha256, sha256File, writeNoise } from "../harness/content.ts";
import { useFolder } from "../harness/folder.ts";
import { describeWith, freeSpace, program } from "../harness/needs.ts";
import { curlAnswer, curlHash } from "../harness/run.ts";
import { reaches } from "../harness/running.ts";
import { submit, type Download } from "../harness/downloads.ts";
import { json, send } from "../harness/http.ts";
import { startContainer, terminate, type App, type Container } from "./container.ts";
import { docker } from "./docker.ts";

const GIBIBYTE = 2 ** 30;
/** Some ten seconds for all of it: well within the grace of 25 s. */
const RATE = "100M";

describeWith("a container that may do nothing but its work", [inject("missing"), program("curl")], () => {
  const { tag } = inject("built");
  const containers: string[] = [];
  const volume = `wharf-e2e-${process.pid}`;
  const start = async (app: App, on = volume, env = {}): Promise<Container> => {
    const container = await startContainer(app, tag, on, env);
    containers.push(container.id);
    return container;
  };
  afterEach(async () => {
    if (containers.length > 0) await docker("rm", "--force", "--volumes", ...containers.splice(0));
  });
  beforeAll(() => docker("volume", "create", volume));
  afterAll(() => docker("volume", "rm", "--force", volume));

  it.each(["fileserver", "downloader"] as const)(
    "%s answers on both ports, writes to the volume alone, and ends within a second of SIGTERM",
    async (app) => {
      const { id, url, management } = await start(app);
      for (const probe of ["livez", "readyz", "metrics"])
        expect((await send("GET", `${management}/${probe}`)).status).toBe(200);
      expect((await send("GET", `${url}/docs`)).status).toBeLessThan(400);
      // Names of what differs from the image: a new volume's mount point at most.
      expect((await docker("diff", id)).replaceAll(/^C \/(?:data|app)?$/gm, "").trim()).toBe("");
      const { code, afterMs } = await terminate(id);
      console.log(`${app}: ended ${afterMs.toFixed(0)} ms after SIGTERM`);
      expect(code).toBe(0);
      expect(afterMs).toBeGreaterThan(0);
      expect(afterMs).toBeLessThan(1_000);
    },
  );

  it("what one brings in the other serves", async () => {
    const fileserver = await start("fileserver");
    const downloader = await start("downloader", volume, { ALLOW_NETWORKS: fileserver.address });
    const body = "from one to the other\n".repeat(1_000);
    expect((await send("PUT", `${fileserver.url}/files/origin.txt`, { body })).status).toBe(201);
    const url = `http://${fileserver.address}:8080/files/origin.txt`;
    const { id } = json(await submit(downloader.url, { url, path: "fetched" })) as Download;
    await reaches(downloader.url, id, "completed");
    const answer = await send("GET", `${fileserver.url}/files/fetched/origin.txt`);
    expect(sha256(answer.body)).toBe(sha256(body));
  });

  it("an error's stack names lines of the source", async () => {
    const script = "new (await import('/app/dist/config.js').then(m => m.parseConfig({ PORT: 'x' })))";
    const args = ["--input-type=module", "--eval", script];
    const image = `wharf/fileserver:${tag}`;
    await expect(docker("run", "--rm", "--entrypoint", "node", image, ...args)).rejects.toThrow(
      /at .*packages\/service\/src\/\w+\.ts:\d+|\/src\/config\.ts:\d+/,
    );
  });

  describeWith("and is ended in the middle of a transfer of 1 GiB", [freeSpace(4)], () => {
    const [folder, volumeFolder] = [useFolder(), useFolder()];
    let sent: string;
    let hash: string;
    beforeAll(async () => {
      sent = join(folder.path, "sent.bin");
      hash = await writeNoise(sent, GIBIBYTE, "sent");
      await chown(volumeFolder.path, 65_532, 65_532);
    });
    const endDuring = async <T>(begin: (files: string) => Promise<T>): Promise<T> => {
      const { id, url } = await start("fileserver", volumeFolder.path);
      const transfer = begin(`${url}/files`);
      await sleep(2_000);
      const { code, afterMs } = await terminate(id);
      console.log(`ended ${(afterMs / 1000).toFixed(1)} s after SIGTERM`);
      expect(code).toBe(0);
      expect(afterMs).toBeGreaterThan(1_000);
      return transfer;
    };

    it("an upload is finished and acknowledged", async () => {
      const upload = (files: string) =>
        curlAnswer(["--limit-rate", RATE, "-T", sent, `${files}/received.bin`]);
      expect(await endDuring(upload)).toMatchObject({ code: 0, status: 201 });
      expect(await sha256File(join(volumeFolder.path, "received.bin"))).toBe(hash);
    });

    it("a download is finished", async () => {
      await copyFile(sent, join(volumeFolder.path, "stored.bin"));
      const download = (files: string) => curlHash(`${files}/stored.bin`, ["--limit-rate", RATE]);
      expect(await endDuring(download)).toEqual({ code: 0, sha256: hash, bytes: GIBIBYTE });
    });
  });
});
