/** What a machine said of itself: the lines of the scripts here, by the name each begins with. */
export class Facts {
  readonly #lines = new Map<string, string[][]>();

  /** @param text lines with columns separated by tabs; the first one is the name */
  constructor(text: string) {
    for (const line of text.split("\n")) {
      const [name, ...columns] = line.split("\t");
      if (name === undefined || columns.length === 0) continue;
      const lines = this.#lines.get(name) ?? [];
      lines.push(columns);
      this.#lines.set(name, lines);
    }
  }

  /** Every line of this name, without it. */
  all(name: string): readonly (readonly string[])[] {
    return this.#lines.get(name) ?? [];
  }

  /** A column of the only line of this name; empty when there is none. */
  one(name: string, column = 0): string {
    return this.#lines.get(name)?.[0]?.[column] ?? "";
  }
}
