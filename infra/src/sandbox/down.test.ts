import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";

import { plainView } from "../cli/plain-view.ts";
import { Recorder } from "../cli/recorder.ts";
import { stateFolderOf } from "../inventory/state-folder.ts";
import { claim, ensureKey } from "./access.ts";
import { Docker } from "./docker.ts";
import { type DownRequest, takeDown } from "./down.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

// In docker's place: two machines of the sandbox "trial", and a container of another one from the same image as the first.
const PROGRAM = `#!/bin/sh
case "$*" in
  *"label=wharf.sandbox=trial") case "$1" in container) printf 'a\\nb\\n' ;; esac ;;
  "container inspect a b") echo '[{"Id":"aa","Image":"shared"},{"Id":"bb","Image":"own"}]' ;;
  *"ancestor=shared") printf 'aa\\nother\\n' ;;
  *"ancestor=own") echo bb ;;
  *) echo "$*" >> "$0.log" ;;
esac
`;

/** Takes the sandbox down; resolves to what docker was told to do, and what the operator reads. */
async function down(changes: Partial<DownRequest>) {
  const folder = mkdtempSync(join(tmpdir(), "wharf-down-"));
  const program = join(folder, "docker");
  writeFileSync(program, PROGRAM, { mode: 0o755 });
  vi.stubEnv("PATH", [folder, process.env["PATH"]].join(delimiter));
  const told: string[] = [];
  const { signal } = new AbortController();
  await takeDown({
    inventoryFile: join(folder, "cluster.yaml"),
    name: "trial",
    docker: new Docker(signal),
    report: new Recorder(plainView((text) => told.push(text.trimEnd()), changes.isDryRun === true)),
    isDryRun: false,
    signal,
    withImages: false,
    ownsInventory: false,
    ownsStateFolder: false,
    ...changes,
  });
  const done = existsSync(`${program}.log`)
    ? readFileSync(`${program}.log`, "utf8").trimEnd().split("\n")
    : [];
  return { done, told };
}

describe("down", () => {
  it("removes the machines, and leaves images unless told otherwise", async () => {
    expect((await down({})).done).toEqual(["rm --force --volumes a b"]);
  });

  it("removes the images that nothing but its own machines was made from", async () => {
    expect((await down({ withImages: true })).done).toEqual(["rm --force --volumes a b", "image rm own"]);
  });

  it("says just that in a dry run", async () => {
    const { done, told } = await down({ withImages: true, isDryRun: true });
    expect(done).toEqual([]);
    expect(told).toContain("images: would change: removed: own");
  });

  it("removes the folder beside an inventory that was never written", async () => {
    const inventoryFile = join(mkdtempSync(join(tmpdir(), "wharf-down-")), "cluster.yaml");
    const stateFolder = stateFolderOf(inventoryFile);
    await claim(stateFolder, "trial");
    await ensureKey(stateFolder);
    await down({ inventoryFile, ownsStateFolder: true, isDryRun: true });
    expect(existsSync(stateFolder)).toBe(true);
    await down({ inventoryFile });
    expect(existsSync(stateFolder)).toBe(true);
    await down({ inventoryFile, ownsStateFolder: true });
    expect(existsSync(stateFolder)).toBe(false);
  });

  it("removes its inventory", async () => {
    const inventoryFile = join(mkdtempSync(join(tmpdir(), "wharf-down-")), "cluster.yaml");
    writeFileSync(inventoryFile, "");
    await down({ inventoryFile, ownsInventory: true, ownsStateFolder: true });
    expect(existsSync(inventoryFile)).toBe(false);
  });
});
