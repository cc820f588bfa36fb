import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";

import { noiseBuffer, sha256 } from "./harness/content.ts";
import { useFileserver } from "./harness/fileserver.ts";
import { useFolder } from "./harness/folder.ts";
import { segment, send } from "./harness/http.ts";
import { listPages } from "./harness/listing.ts";
import { describeWith, program } from "./harness/needs.ts";
import { inParallel } from "./harness/pace.ts";
import { curl, curlAnswer } from "./harness/run.ts";

const COUNT = 200;

interface Stored {
  readonly files: readonly { path: string; size: number; etag: string; sha256: string }[];
}

describeWith("a form with 200 files, sent by curl", [program("curl")], () => {
  const server = useFileserver();
  const local = useFolder();

  it("stores every one, and tells the SHA-256 that each is read back with", async () => {
    const expected = new Map<string, { size: number; sha256: string }>();
    const fields: string[] = [];
    for (let n = 0; n < COUNT; n++) {
      const name = `file ${n}.bin`;
      // Sizes around those that buffers and boundaries have, an empty file among them.
      const bytes = noiseBuffer(n % 10 === 0 ? n * 30_011 : n * 97, name);
      await writeFile(join(local.path, name), bytes);
      expected.set(name, { size: bytes.length, sha256: sha256(bytes) });
      fields.push("-F", `file=@${join(local.path, name)}`);
    }

    const { code, status, body } = await curlAnswer([...fields, server.folder]);
    expect({ code, status }).toEqual({ code: 0, status: 201 });

    const { files } = JSON.parse(body) as Stored;
    const folder = decodeURIComponent(new URL(server.folder).pathname.slice("/files".length));
    const told = files.map(
      ({ path, size, sha256: hash }) => [path.slice(folder.length), { size, sha256: hash }] as const,
    );
    expect(new Map(told)).toEqual(expected);

    await inParallel(files, 8, async ({ path, sha256: hash, etag }) => {
      const answer = await send("GET", server.folder + segment(path.slice(folder.length)));
      expect(answer.status).toBe(200);
      expect(answer.headers["etag"]).toBe(etag);
      expect({ path, hash: sha256(answer.body) }).toEqual({ path, hash });
    });
    expect((await listPages(server.folder)).map(({ name }) => name).toSorted()).toEqual(
      [...expected.keys()].toSorted(),
    );
  });

  it("fails at a name that is taken, and names the files stored before it", async () => {
    for (const name of ["one", "two"]) await writeFile(join(local.path, name), name);
    const taken = `${server.folder}taken/`;
    expect((await send("PUT", `${taken}two`, { body: "as it was" })).status).toBe(201);
    const form = ["one", "two"].flatMap((name) => ["-F", `file=@${join(local.path, name)}`]);
    const { status, body } = await curlAnswer([...form, taken]);
    expect(status).toBe(409);
    expect(JSON.parse(body)).toMatchObject({
      status: 409,
      code: "ALREADY_EXISTS",
      files: [{ size: 3, sha256: sha256("one") }],
    });
    expect((await send("GET", `${taken}two`)).body.toString()).toBe("as it was");
  });

  it.each([
    { onConflict: "rename", names: ["same (1).txt", "same (2).txt", "same.txt"], first: "1" },
    { onConflict: "overwrite", names: ["same.txt"], first: "3" },
  ])(
    "with onConflict=$onConflict stores a name sent three times as $names",
    async ({ onConflict, names, first }) => {
      const folder = `${server.folder}${onConflict}/`;
      const form = ["1", "2", "3"].flatMap((text) => ["-F", `file=${text};filename=same.txt`]);
      const { code } = await curl(["--fail", ...form, `${folder}?onConflict=${onConflict}`]);
      expect(code).toBe(0);
      expect((await listPages(folder)).map(({ name }) => name)).toEqual(names);
      expect((await send("GET", `${folder}same.txt`)).body.toString()).toBe(first);
    },
  );

  it("places files in folders by a field `path` and by directories in their names", async () => {
    const folder = `${server.folder}placed/`;
    const form = [
      "-F",
      "path=a/b",
      "-F",
      "file=1;filename=one.txt",
      "-F",
      "path=",
      "-F",
      "file=2;filename=c/two.txt",
    ];
    expect((await curl(["--fail", ...form, folder])).code).toBe(0);
    expect((await send("GET", `${folder}a/b/one.txt`)).body.toString()).toBe("1");
    expect((await send("GET", `${folder}c/two.txt`)).body.toString()).toBe("2");
  });
});
