import { existsSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chdir, cwd } from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, onTestFinished, test } from "vitest";

import { during, temporaryFolder } from "./testing/volume.ts";
import { removeTree } from "./tree.ts";

test("a wide tree goes, with everything in it", async () => {
  const folder = await temporaryFolder();
  for (let index = 0; index < 50; index++) {
    mkdirSync(join(folder, `top/${index}/a/b`), { recursive: true });
    for (const path of ["file", "a/file", "a/b/file"]) writeFileSync(join(folder, `top/${index}`, path), "");
  }
  await removeTree(join(folder, "top"));
  expect(readdirSync(folder)).toEqual([]);
});

test("a tree that is deeper than a path may be long goes", async () => {
  const folder = await temporaryFolder();
  const before = cwd();
  onTestFinished(() => chdir(before));
  // One step at a time: no call could name the end of it.
  chdir(folder);
  for (let depth = 0; depth < 40; depth++) {
    mkdirSync("d".repeat(200));
    chdir("d".repeat(200));
    writeFileSync("file", "");
  }
  chdir(before);
  await removeTree(join(folder, "d".repeat(200)));
  expect(readdirSync(folder)).toEqual([]);
});

test("what links lead to stays", async () => {
  const folder = await temporaryFolder();
  mkdirSync(join(folder, "kept/inner"), { recursive: true });
  writeFileSync(join(folder, "kept/file"), "kept");
  mkdirSync(join(folder, "top/sub"), { recursive: true });
  symlinkSync(join(folder, "kept"), join(folder, "top/link"));
  symlinkSync(join(folder, "kept"), join(folder, "top/sub/link"));
  linkSync(join(folder, "kept/file"), join(folder, "top/sub/second-name"));
  await removeTree(join(folder, "top"));
  expect(readdirSync(join(folder, "kept"))).toEqual(["file", "inner"]);
  expect(statSync(join(folder, "kept/file")).nlink).toBe(1);
});

test("names that are not UTF-8 go, too", async () => {
  const folder = await temporaryFolder();
  mkdirSync(join(folder, "top/sub"), { recursive: true });
  const name = (parent: string): Buffer =>
    Buffer.concat([Buffer.from(join(folder, parent)), Buffer.from([0x2f, 0xff])]);
  mkdirSync(Buffer.concat([name("top"), Buffer.from("/inner")]), { recursive: true });
  writeFileSync(name("top/sub"), "");
  await removeTree(join(folder, "top"));
  expect(readdirSync(folder)).toEqual([]);
});

test("a file, a link and nothing at all go as well", async () => {
  const folder = await temporaryFolder();
  writeFileSync(join(folder, "file"), "");
  symlinkSync("file", join(folder, "link"));
  await removeTree(join(folder, "link"));
  expect(existsSync(join(folder, "file"))).toBe(true);
  await removeTree(join(folder, "file"));
  await removeTree(join(folder, "nothing"));
  expect(readdirSync(folder)).toEqual([]);
});

test("a tree to which something is added meanwhile goes, too", async () => {
  const folder = await temporaryFolder();
  for (let index = 0; index < 200; index++) mkdirSync(join(folder, `top/${index}/a`), { recursive: true });
  let index = 0;
  await during(removeTree(join(folder, "top")), async () => {
    addFile(join(folder, `top/${index++ % 200}/late`));
    await nextTurn();
  });
  expect(readdirSync(folder)).toEqual([]);
});

function addFile(path: string): void {
  try {
    writeFileSync(path, "");
  } catch {
    // Its directory has gone before.
  }
}
