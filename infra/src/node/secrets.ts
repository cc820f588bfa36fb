import { withinQuotes } from "./quote.ts";

const MASK = "***";

/** What is a secret wherever it stands: kubeadm's tokens and keys, a kubeconfig's, a password in a URL. */
const PATTERNS: readonly [RegExp, string][] = [
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, MASK],
  [/(--(?:token|certificate-key)[ =])\S+/g, `$1${MASK}`],
  [/((?:client-key-data|password|token)['"]?\s*[:=]\s*['"]?)(?!\*)[^\s'",]{8,}/gi, `$1${MASK}`],
  [/(\/\/[^/\s:@]+:)[^/\s@]+@/g, `$1${MASK}@`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, MASK],
];

/** Knows what must not be shown or kept, and masks it. */
export class Secrets {
  readonly #values = new Set<string>();

  /**
   * Also each of its lines, since output is masked line by line, both as they stand between quotes in a script, a JSON or
   * TOML document, and curl's configuration; and as base64, which is how Kubernetes shows it.
   */
  add(value: string): void {
    const lines = value.split("\n").map((line) => line.trim());
    const plain = [value, ...lines];
    const escaped = [...plain, ...plain.map((part) => JSON.stringify(part).slice(1, -1))];
    const parts = [...escaped, ...escaped.map(withinQuotes), Buffer.from(value).toString("base64")];
    // Masking what is shorter would garble more than it hides.
    for (const part of parts.filter(({ length }) => length >= 4)) this.#values.add(part);
  }

  mask(text: string): string {
    let masked = text;
    const longestFirst = [...this.#values].toSorted((one, other) => other.length - one.length);
    for (const value of longestFirst) masked = masked.replaceAll(value, MASK);
    for (const [pattern, replacement] of PATTERNS) masked = masked.replace(pattern, replacement);
    return masked;
  }
}
