import { isMap, isScalar, LineCounter, parseDocument, visit, type Alias, type Document } from "yaml";

/** Where something stands in a document: keys and indices from its root. */
export type Path = readonly (string | number)[];

/** A YAML file that mistakes can be pointed at in. */
export class InventoryDocument {
  readonly #lines = new LineCounter();
  readonly #document: Document;
  readonly #file: string;

  /** @param file as messages are to name it */
  constructor(text: string, file: string) {
    this.#file = file;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
  }

  /** What is wrong with its YAML. */
  get syntaxProblems(): readonly string[] {
    const problems = this.#document.errors.map((error) => this.#at(error.pos[0], error.message));
    return problems.length > 0 ? problems : this.#aliasProblems();
  }

  /** As plain values, of a document without syntax problems. */
  get value(): unknown {
    return this.#document.toJS();
  }

  /** `cluster.yaml:3:5: message`, of a value or of what was to hold it. */
  problem(path: Path, message: string): string {
    for (let length = path.length; length >= 0; length -= 1) {
      const found: unknown = this.#document.getIn(path.slice(0, length), true);
      const offset = rangeStart(found);
      if (offset !== undefined) return this.#at(offset, message);
    }
    return this.#at(0, message);
  }

  /** The same, of a key rather than of its value. */
  keyProblem(path: Path, message: string): string {
    const holder: unknown = this.#document.getIn(path.slice(0, -1), true);
    const key = isMap(holder)
      ? holder.items.find((item) => isScalar(item.key) && String(item.key.value) === path.at(-1))?.key
      : undefined;
    const offset = rangeStart(key);
    return offset === undefined ? this.problem(path, message) : this.#at(offset, message);
  }

  /** The line a value is on. */
  line(path: Path): number {
    return this.#lines.linePos(rangeStart(this.#document.getIn(path, true)) ?? 0).line;
  }

  /** Aliases are followed only when values are asked for. */
  #aliasProblems(): readonly string[] {
    try {
      this.#document.toJS();
      return [];
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
    }
    const aliases: Alias[] = [];
    visit(this.#document, { Alias: (_, alias) => void aliases.push(alias) });
    const unresolved = aliases.filter((alias) => alias.resolve(this.#document) === undefined);
    if (unresolved.length === 0)
      return [this.#at(rangeStart(aliases[0]) ?? 0, "its aliases stand for too much")];
    return unresolved.map((alias) =>
      this.#at(rangeStart(alias) ?? 0, `the alias ${alias.source} has no anchor before it`),
    );
  }

  #at(offset: number, message: string): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}: ${message}`;
  }
}

/** `nodes[0].ssh.port` */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text === "" ? part : `${text}.${part}`),
    "",
  );
}

function rangeStart(found: unknown): number | undefined {
  return (found as { range?: readonly number[] | null } | null | undefined)?.range?.[0];
}
