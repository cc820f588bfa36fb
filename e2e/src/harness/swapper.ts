import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Swaps `directory` for a symbolic link to `outside` and back, as fast as it can, until it is killed. A program of its
 * own: `node swapper.ts <directory> <outside> <folder beside the volume>`.
 */
const [directory = "", outside = "", beside = ""] = process.argv.slice(2);
const link = join(beside, "link");
const parked = join(beside, "parked");

/** What clients do meanwhile may have taken or made either of them: begin again from nothing. */
function makeAnew(): void {
  for (const path of [directory, link, parked]) rmSync(path, { recursive: true, force: true });
  mkdirSync(join(directory, "sub"), { recursive: true });
  for (const name of ["one.txt", "two.txt", join("sub", "three.txt")])
    writeFileSync(join(directory, name), "inside");
  symlinkSync(outside, link);
}

for (let turn = 0; ; turn++) {
  try {
    renameSync(directory, parked);
    renameSync(link, directory);
    renameSync(directory, link);
    renameSync(parked, directory);
    if (turn % 50 === 0) makeAnew(); // clients remove what is in it
  } catch {
    try {
      makeAnew();
    } catch {
      // A client was faster; the next turn tries again.
    }
  }
}
