import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

import { commandLine, exports } from "./quote.ts";

const WORDS = ["", "plain-word_1.2/3", "two words", "it's", '"$HOME" `id` \\', "a\nb", "*", "~", "-n"];

test("a shell reads a command line as the words it was made of", () => {
  const line = commandLine(["printf", "<%s>", ...WORDS]);
  expect(execFileSync("sh", ["-c", line], { encoding: "utf8" })).toBe(
    WORDS.map((word) => `<${word}>`).join(""),
  );
});

test("a shell reads variables as they were given", () => {
  const variables = Object.fromEntries(WORDS.map((word, index) => [`V${index}`, word]));
  const line = `${exports(variables)}printf '<%s>' ${WORDS.map((_, index) => `"$V${index}"`).join(" ")}`;
  expect(execFileSync("sh", ["-euc", line], { encoding: "utf8" })).toBe(
    WORDS.map((word) => `<${word}>`).join(""),
  );
});

test("a name that no shell would take is refused", () => {
  expect(() => exports({ "A;id": "x" })).toThrow(TypeError);
  expect(exports({})).toBe("");
});
