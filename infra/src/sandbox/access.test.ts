import { existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

import { checkOwner, claim, ensureKey, forgetCluster, forgetHosts, keyFile, ownerOf } from "./access.ts";

const stateFolder = () => join(mkdtempSync(join(tmpdir(), "wharf-access-")), "cluster.state");

it("a key is made once, for its owner alone", async () => {
  const folder = stateFolder();
  await claim(folder, "trial");
  const first = await ensureKey(folder);
  expect(first).toMatch(/^ssh-ed25519 /);
  expect(await ensureKey(folder)).toBe(first);
  expect(statSync(keyFile(folder)).mode & 0o077).toBe(0);
});

it("half a key, left by a run that was ended, is made anew", async () => {
  const folder = stateFolder();
  mkdirSync(folder);
  writeFileSync(keyFile(folder), "half");
  expect(await ensureKey(folder)).toMatch(/^ssh-ed25519 /);
});

it("what was kept for a cluster goes with it, but for the transcripts", async () => {
  const folder = stateFolder();
  await claim(folder, "trial");
  await ensureKey(folder);
  writeFileSync(join(folder, "known_hosts"), "");
  await forgetHosts(folder);
  expect(existsSync(join(folder, "known_hosts"))).toBe(false);
  mkdirSync(join(folder, "logs"));
  await forgetCluster(folder);
  expect(readdirSync(folder)).toEqual(["logs"]);
});

it("where there are no transcripts, nothing is left", async () => {
  const folder = stateFolder();
  await claim(folder, "trial");
  await ensureKey(folder);
  await forgetCluster(folder);
  expect(existsSync(folder)).toBe(false);
  await expect(forgetCluster(folder)).resolves.toBeUndefined();
});

it("a state folder is a sandbox's when it was made for it, or when nothing but transcripts are in it", async () => {
  const folder = stateFolder();
  expect(await ownerOf(folder)).toBeUndefined();
  await expect(checkOwner(folder, "trial")).resolves.toBeUndefined();
  mkdirSync(join(folder, "logs"), { recursive: true });
  await expect(checkOwner(folder, "trial")).resolves.toBeUndefined();
  await claim(folder, "trial");
  expect(await ownerOf(folder)).toBe("trial");
  await expect(checkOwner(folder, "trial")).resolves.toBeUndefined();
  await expect(checkOwner(folder, "other")).rejects.toThrow('is of the sandbox "trial"');
});

it("a real cluster's is not touched", async () => {
  const folder = stateFolder();
  mkdirSync(folder);
  writeFileSync(join(folder, "admin.conf"), "");
  await expect(checkOwner(folder, "trial")).rejects.toMatchObject({ code: "USAGE" });
});
