// Swaps a directory for a symbolic link to an outside one, and a file for a link to an outside one, as fast as it can.
// Arguments: the directory, the file, a scratch folder, and the outside directory. Started by `startScript`.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

const [directory = "", file = "", scratch = "", outside = ""] = process.argv.slice(2);
const spareDirectory = join(scratch, "directory");
const spareLink = join(scratch, "link");
const spareFile = join(scratch, "file");

process.on("disconnect", () => process.exit());
process.send?.("ready");
for (;;) {
  for (let round = 0; round < 100; round++) {
    attempt(() => mkdirSync(join(spareDirectory, "inner"), { recursive: true }));
    attempt(() => writeFileSync(join(spareDirectory, "secret.txt"), "inside"));
    attempt(() => renameSync(spareDirectory, directory));
    attempt(() => writeFileSync(spareFile, "inside"));
    attempt(() => renameSync(spareFile, file));
    attempt(() => renameSync(directory, spareDirectory));
    attempt(() => symlinkSync(outside, spareLink));
    attempt(() => renameSync(spareLink, directory));
    attempt(() => symlinkSync(join(outside, "secret.txt"), spareFile));
    attempt(() => renameSync(spareFile, file));
    attempt(() => renameSync(directory, spareLink));
  }
  await nextTurn();
}

/** What the volume has taken away in the meantime is made again in the next round. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // Taken away, or in the way.
  }
}
