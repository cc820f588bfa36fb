/** What stands between single quotes where a POSIX shell is to read this text. */
export function withinQuotes(text: string): string {
  return text.replaceAll("'", String.raw`'\''`);
}

/** A word as any POSIX shell reads it. Left bare when that is the same. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${withinQuotes(word)}'`;
}

/** A command line that can be pasted. */
export function commandLine(words: readonly string[]): string {
  return words.map(quote).join(" ");
}

/**
 * A line that sets variables for what follows it.
 *
 * @throws {TypeError} for a name that a shell would not take
 */
export function exports(variables: Readonly<Record<string, string>>): string {
  const words = Object.entries(variables).map(([name, value]) => {
    if (!/^[A-Za-z_]\w*$/.test(name)) throw new TypeError(`"${name}" is no name for a shell variable`);
    return `${name}='${withinQuotes(value)}'`;
  });
  return words.length === 0 ? "" : `export ${words.join(" ")}\n`;
}
