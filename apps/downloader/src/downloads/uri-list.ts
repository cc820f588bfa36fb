/** A URI, and the line it stands in, counted from 1. */
interface ListedUri {
  readonly line: number;
  readonly uri: string;
}

/** Reads a list of URIs, one a line; `#` begins a comment (RFC 2483 §5). Blanks and blank lines are left out. */
export function parseUriList(text: string): ListedUri[] {
  return text
    .split(/\r\n|\n|\r/)
    .map((line, index) => ({ line: index + 1, uri: line.trim() }))
    .filter(({ uri }) => uri !== "" && !uri.startsWith("#"));
}
