import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

import { noiseStream, writeNoise } from "./harness/content.ts";
import { useFolder } from "./harness/folder.ts";
import { json, send } from "./harness/http.ts";
import { describeWith, freeSpace, linux, ownServices, program } from "./harness/needs.ts";
import { curl, curlHash } from "./harness/run.ts";
import { useService } from "./harness/service.ts";

const GIB = 2 ** 30;
/** 200 MB in the kB of /proc, which are of 1,024 bytes. */
const MEMORY_LIMIT_KB = 200_000_000 / 1024;
const LIMIT_MS = 300_000;

/** The most memory that a process has had at once, in kB. */
function peakMemory(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

describeWith("a file of 3 GiB, sent by curl", [ownServices, linux, program("curl"), freeSpace(12)], () => {
  const server = useService("fileserver");
  const local = useFolder();
  const big = { path: "", sha256: "" };

  it(
    "goes in by PUT and comes out with the same SHA-256, in less than 200 MB of memory",
    { timeout: LIMIT_MS },
    async () => {
      big.path = join(local.path, "big.bin");
      big.sha256 = await writeNoise(big.path, 3 * GIB, "big");
      const url = `${server.url}/files/put.bin`;
      const { code, stdout } = await curl(["-T", big.path, "-w", "%{http_code}", url]);
      expect({ code, status: stdout.toString() }).toEqual({ code: 0, status: "201" });
      expect(await curlHash(url)).toEqual({ code: 0, sha256: big.sha256, bytes: 3 * GIB });
      expect(peakMemory(server.pid)).toBeLessThan(MEMORY_LIMIT_KB);
      expect((await send("DELETE", url)).status).toBe(204);
    },
  );

  it(
    "goes in by multipart and comes out with the same SHA-256, in less than 200 MB of memory",
    { timeout: LIMIT_MS },
    async () => {
      const { code, stdout } = await curl([
        "--fail",
        "-F",
        `file=@${big.path};filename=form.bin`,
        `${server.url}/files/`,
      ]);
      expect(code).toBe(0);
      expect(json({ body: stdout })).toMatchObject({
        files: [{ path: "/form.bin", size: 3 * GIB, sha256: big.sha256 }],
      });
      const url = `${server.url}/files/form.bin`;
      expect(await curlHash(url)).toEqual({ code: 0, sha256: big.sha256, bytes: 3 * GIB });
      expect(peakMemory(server.pid)).toBeLessThan(MEMORY_LIMIT_KB);
      expect((await send("DELETE", url)).status).toBe(204);
    },
  );

  it(
    "of a length not told beforehand (512 MiB, chunked from a pipe) goes in and out unchanged",
    { timeout: LIMIT_MS },
    async () => {
      const url = `${server.url}/files/piped.bin`;
      const content = noiseStream(GIB / 2, "piped");
      const args = ["-T", "-", "-v", "-w", "%{http_code}", url];
      const { code, stdout, stderr } = await curl(args, { input: content.stream });
      expect({ code, status: stdout.toString() }).toEqual({ code: 0, status: "201" });
      expect(stderr).toContain("> Transfer-Encoding: chunked");
      expect(await curlHash(url)).toEqual({ code: 0, sha256: content.sha256(), bytes: GIB / 2 });
      expect(peakMemory(server.pid)).toBeLessThan(MEMORY_LIMIT_KB);
    },
  );
});
