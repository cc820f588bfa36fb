import { describe, expect, test } from "vitest";

import {
  bytes,
  ConfigError,
  integer,
  list,
  milliseconds,
  oneOf,
  readEnvironment,
  text,
  variable,
  type Variable,
} from "./config.ts";

function read<T>(kind: Variable<T>, value: string | undefined): T {
  return readEnvironment({ [kind.name]: value }, { it: kind }).it;
}

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("Nothing was wrong.");
}

describe("a variable", () => {
  const upperCase = variable("X", "none", (value) => value.toUpperCase());
  const kinds: [string, Variable<unknown>, string | undefined, unknown][] = [
    ["text as it is", text("X", "a"), " b ", " b "],
    ["text that is unset", text("X", "a"), undefined, "a"],
    ["text that is empty", text("X", undefined), "", undefined],
    ["one of the words", oneOf("X", ["full", "relaxed"], "full"), "relaxed", "relaxed"],
    ["an unset word", oneOf("X", ["full", "relaxed"], undefined), undefined, undefined],
    ["an integer", integer("X", 1, { min: 0, max: 10 }), "10", 10],
    ["an integer's lower bound", integer("X", 1, { min: 0, max: 10 }), "0", 0],
    ["an empty integer", integer("X", 1, { min: 5, max: 10 }), "", 1],
    ["a duration", milliseconds("X", 1), "25000", 25_000],
    ["the longest duration", milliseconds("X", 1), "2147483647", 2 ** 31 - 1],
    ["a list", list("X", Number), "1, 2,,3 ", [1, 2, 3]],
    ["an unset list", list("X", Number), undefined, []],
    ["a list's fallback", list("X", Number, [80, 443]), "", [80, 443]],
    ["a list of nothing", list("X", Number, [80]), " , ", []],
    ["a kind of one's own", upperCase, "abc", "ABC"],
  ];
  test.each(kinds)("reads %s", (_what, kind, value, expected) => {
    expect(read(kind, value)).toEqual(expected);
  });

  const sizes: [string, number][] = [
    ["0", 0],
    ["1000", 1000],
    ["512k", 512 * 1024],
    ["512K", 512 * 1024],
    ["64M", 64 * 2 ** 20],
    ["2G", 2 * 2 ** 30],
    ["2g", 2 * 2 ** 30],
    ["1T", 2 ** 40],
  ];
  test.each(sizes)("reads the size %s", (value, expected) => {
    expect(read(bytes("X", 1), value)).toBe(expected);
  });

  const wrong: [Variable<unknown>, string, RegExp][] = [
    [oneOf("X", ["full", "relaxed"], "full"), "Full", /^X must be full or relaxed, not "Full"\.$/],
    [integer("X", 1, { min: 0, max: 10 }), "11", /^X must be a whole number from 0 to 10, not "11"\.$/],
    [integer("X", 1, { min: 0, max: 10 }), "-1", /whole number/],
    [integer("X", 1, { min: 0, max: 10 }), "1.5", /whole number/],
    [integer("X", 1, { min: 0, max: 10 }), "0x1", /whole number/],
    [integer("X", 1, { min: 0, max: 10 }), " 1", /whole number/],
    [integer("X", 1, { min: 0, max: 1e20 }), "9999999999999999", /whole number/],
    [milliseconds("X", 1), "2147483648", /whole number/],
    [milliseconds("X", 1), "5s", /whole number/],
    [bytes("X", 1), "64MB", /must be a size such as 1000, 512k, 64M or 2G, not "64MB"\.$/],
    [bytes("X", 1), "1.5G", /must be a size/],
    [bytes("X", 1), "-1", /must be a size/],
    [bytes("X", 1), "M", /must be a size/],
    [bytes("X", 1), "999999999999999T", /must be a size/],
  ];
  test.each(wrong)("%# refuses %j", (kind, value, problem) => {
    expect(problemsOf(() => read(kind, value))).toEqual([expect.stringMatching(problem)]);
  });
});

describe("an environment", () => {
  const variables = {
    port: integer("PORT", 80, { min: 0, max: 65_535 }),
    size: bytes("SIZE", 1),
    word: oneOf("WORD", ["a", "b"], "a"),
    names: list("NAMES", (name) => name),
  };

  test("is read whole, whatever else is in it", () => {
    expect(readEnvironment({ PORT: "8080", UNKNOWN: "1" }, variables)).toEqual({
      port: 8080,
      size: 1,
      word: "a",
      names: [],
    });
  });

  test("has every problem in it reported at once", () => {
    const env = { PORT: "http", SIZE: "big", WORD: "c" };
    const problems = problemsOf(() => readEnvironment(env, variables));
    expect(problems.map((problem) => problem.split(" ", 1)[0])).toEqual(["PORT", "SIZE", "WORD"]);
    expect(() => readEnvironment(env, variables)).toThrow(
      /^The configuration is wrong:\n {2}- PORT .*\n {2}- SIZE /,
    );
  });

  test("has what breaks a rule reported beside what is wrong in itself", () => {
    const rules = [
      ({ size }: { size: number }) => (size < 10 ? "SIZE must be 10." : undefined),
      ({ port }: { port: number }) => (port === 80 ? "PORT 80 is taken." : undefined),
    ];
    const problems = problemsOf(() => readEnvironment({ PORT: "http", SIZE: "1" }, variables, rules));
    // The rule about PORT has nothing to judge; it must not speak of a value that nobody gave.
    expect(problems).toEqual([expect.stringMatching(/^PORT must be/), "SIZE must be 10."]);
  });

  test("becomes a configuration that nobody can change", () => {
    const config = readEnvironment({ NAMES: "a,b" }, variables);
    expect(() => Object.assign(config, { port: 1 })).toThrow(TypeError);
    expect(() => (config.names as string[]).push("c")).toThrow(TypeError);
  });
});
