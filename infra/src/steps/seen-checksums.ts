import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { ClusterError } from "../errors.ts";

/**
 * What files looked like when they were first downloaded, kept beside the inventory, so that a later change is noticed:
 * of those whose checksum is in no profile.
 */
export class SeenChecksums {
  readonly #file: string;
  readonly #sums: Map<string, string>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, sums: Map<string, string>) {
    this.#file = file;
    this.#sums = sums;
  }

  static async open(file: string): Promise<SeenChecksums> {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "{}";
      throw error;
    });
    return new SeenChecksums(file, new Map(Object.entries(JSON.parse(text) as Record<string, string>)));
  }

  /** The SHA-256 of what this URL gave. */
  of(url: string): string | undefined {
    return this.#sums.get(url);
  }

  /** @throws {ClusterError} `SOURCE_CHANGED`: two nodes were given different files */
  async add(url: string, sha256: string): Promise<void> {
    const known = this.#sums.get(url);
    if (known === sha256) return;
    if (known !== undefined) {
      throw new ClusterError("SOURCE_CHANGED", `${url} had the SHA-256 ${known}, and now has ${sha256}`, {
        hint: `Look whether its source is what it should be; if the new file is the right one, remove its line from ${this.#file}.`,
      });
    }
    this.#sums.set(url, sha256);
    const text = `${JSON.stringify(Object.fromEntries([...this.#sums].toSorted(([a], [b]) => (a < b ? -1 : 1))), undefined, 2)}\n`;
    // Nodes report at the same time: one write after the other.
    this.#writing = this.#writing.then(() => this.#write(text));
    await this.#writing;
  }

  async #write(text: string): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true });
    await writeFile(`${this.#file}.part`, text);
    await rename(`${this.#file}.part`, this.#file);
  }
}
