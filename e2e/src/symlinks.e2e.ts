import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { useFolder } from "./harness/folder.ts";
import { expectProblem, send, type Answer } from "./harness/http.ts";
import { listPages } from "./harness/listing.ts";
import { describeWith, ownServices } from "./harness/needs.ts";
import { startService, type Service } from "./harness/service.ts";

const SWAP_MS = 10_000;
const SECRET = "outside-4f1d9c";
const FILES = ["one.txt", "two.txt", `${SECRET}.txt`, join("sub", "three.txt")];

describeWith("symbolic links", [ownServices], () => {
  const folder = useFolder();
  const paths = { volume: "", outside: "", beside: "" };
  let server: Service;

  beforeAll(async () => {
    for (const name of ["volume", "outside", "beside"] as const) {
      paths[name] = join(folder.path, name);
      await mkdir(paths[name]);
    }
    await mkdir(join(paths.outside, "sub"));
    for (const name of FILES) await writeFile(join(paths.outside, name), `${SECRET} in ${name}`);
    server = await startService("fileserver", { VOLUME_DIR: paths.volume });
  });
  afterAll(() => server.end("SIGKILL"));

  const outsideState = async (): Promise<unknown> => {
    const names = (await readdir(paths.outside, { recursive: true })).toSorted();
    return Promise.all(
      [".", ...names].map(async (name) => {
        const { ino, size, mtimeMs, ctimeMs, nlink } = await stat(join(paths.outside, name));
        const content = FILES.includes(name) ? await readFile(join(paths.outside, name), "utf8") : "";
        return { name, ino, size, mtimeMs, ctimeMs, nlink, content };
      }),
    );
  };

  it("are not there for a client: not read, not listed, not followed, not replaced, not removed", async () => {
    await symlink(paths.outside, join(paths.volume, "link"));
    await symlink(join(paths.outside, "one.txt"), join(paths.volume, "link.txt"));
    const before = await outsideState();
    const url = `${server.url}/files`;
    for (const path of ["link", "link/", "link/one.txt", "link.txt", "link/sub/"]) {
      expectProblem(await send("GET", `${url}/${path}`), 404, "NOT_FOUND");
    }
    expect((await listPages(`${url}/`)).map(({ name }) => name)).toEqual([]);
    for (const path of ["link", "link.txt", "link/one.txt", "link/new/"]) {
      expect((await send("DELETE", `${url}/${path}?recursive=true`)).status).toBeGreaterThanOrEqual(400);
    }
    for (const path of ["link", "link.txt", "link/one.txt", "link/new.txt"]) {
      expect((await send("PUT", `${url}/${path}`, { body: "changed" })).status).toBe(409);
    }
    expect((await send("MKCOL", `${url}/link/made/`)).status).toBeGreaterThanOrEqual(400);
    expect(await outsideState()).toEqual(before);
    expect((await readdir(paths.volume)).toSorted()).toEqual([".wharf", "link", "link.txt"]);
  });

  it(
    "swapped for a directory and back during requests lead to nothing outside, for ten seconds",
    { timeout: 60_000 },
    async () => {
      const before = await outsideState();
      const base = `${server.url}/files/d`;
      const statuses = new Map<string, number>();
      const check = (name: string, { status, body, headers }: Answer): void => {
        const key = `${name} ${status}`;
        statuses.set(key, (statuses.get(key) ?? 0) + 1);
        expect(`${body.toString()} ${JSON.stringify(headers)}`).not.toContain(SECRET.slice(0, -1));
        // A publication that finds its directory gone ten times in a row is told to come again, with a 503.
        expect({ key, log: status === 500 ? server.log.slice(-3) : [] }).toEqual({ key, log: [] });
      };
      const form = (name: string): { headers: Record<string, string>; body: string } => ({
        headers: { "content-type": "multipart/form-data; boundary=b" },
        body: `--b\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\nposted\r\n--b--\r\n`,
      });
      const requests: Record<string, (n: number) => Promise<Answer>> = {
        read: (n) => send("GET", `${base}/${["one.txt", "two.txt", "sub/three.txt"][n % 3]}`),
        list: (n) =>
          send("GET", `${base}/${n % 2 ? "sub/" : ""}`, { headers: { accept: "application/json" } }),
        lines: () => send("GET", `${base}/`, { headers: { accept: "application/x-ndjson" } }),
        put: (n) => send("PUT", `${base}/${n % 2 ? "one.txt" : `put-${n}.txt`}`, { body: "put" }),
        "put deep": (n) => send("PUT", `${base}/sub/deep-${n % 9}/file.txt`, { body: "put" }),
        post: (n) => send("POST", `${base}/?onConflict=overwrite`, form(`posted-${n % 5}.txt`)),
        mkcol: (n) => send("MKCOL", `${base}/made-${n}/`),
        delete: (n) => send("DELETE", `${base}/${["one.txt", "sub/three.txt", `put-${n}.txt`][n % 3]}`),
        "delete tree": (n) => send("DELETE", `${base}/sub/${n % 2 ? "?recursive=true" : ""}`),
        "delete all": () => send("DELETE", `${base}/?recursive=true`),
        "delete link": () => send("DELETE", base),
      };

      const swapper = spawn(
        process.execPath,
        [
          join(import.meta.dirname, "harness", "swapper.ts"),
          join(paths.volume, "d"),
          paths.outside,
          paths.beside,
        ],
        { stdio: "ignore", env: {} },
      );
      const swapperEnded = new Promise((done) => void swapper.once("close", done));
      try {
        const deadline = performance.now() + SWAP_MS;
        const lane = async ([name, request]: [string, (n: number) => Promise<Answer>]): Promise<void> => {
          for (let n = 0; performance.now() < deadline; n++) check(name, await request(n));
        };
        await Promise.all(Object.entries(requests).map(lane));
      } finally {
        swapper.kill("SIGKILL");
        await swapperEnded;
      }

      expect(await outsideState()).toEqual(before);
      // Each kind of request met the directory, and reading also the link.
      for (const seen of [
        "read 200",
        "read 404",
        "list 200",
        "put 201",
        "post 201",
        "mkcol 201",
        "delete 204",
      ]) {
        expect(Object.fromEntries(statuses)).toHaveProperty(seen);
      }
    },
  );
});
