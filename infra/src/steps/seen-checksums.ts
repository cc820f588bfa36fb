import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * What files looked like when they were first downloaded, kept beside the inventory: for those whose makers state no
 * checksum, a later change is noticed.
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

  async add(url: string, sha256: string): Promise<void> {
    if (this.#sums.get(url) === sha256) return;
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
