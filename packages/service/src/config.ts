/** The configuration is wrong; the message names every variable that is, and what would be right. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is wrong:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** One environment variable: its name, and how its text becomes a value. */
export interface Variable<T> {
  readonly name: string;
  /**
   * @param text undefined when the variable is unset
   * @throws an Error that says what would be right, starting after the variable's name
   */
  readonly read: (text: string | undefined) => T;
}

export type Variables = Readonly<Record<string, Variable<unknown>>>;

/** The values of a record of variables. */
export type ConfigOf<V extends Variables> = { readonly [K in keyof V]: ReturnType<V[K]["read"]> };

/**
 * Reads every variable, and reports all that is wrong at once.
 *
 * @param rules checks across variables; each returns what is wrong, or undefined. One that asks for a variable that is
 * wrong already has nothing to judge and is passed over
 * @throws {ConfigError}
 */
export function readEnvironment<V extends Variables>(
  env: Environment,
  variables: V,
  rules: readonly ((config: ConfigOf<V>) => string | undefined)[] = [],
): ConfigOf<V> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, { name, read }] of Object.entries(variables)) {
    try {
      values[key] = read(env[name]);
    } catch (error) {
      problems.push(`${name} ${error instanceof Error ? error.message : String(error)}`);
      Object.defineProperty(values, key, { get: unjudgeable });
    }
  }
  const config = Object.freeze(values) as ConfigOf<V>;
  problems.push(...rules.flatMap((rule) => verdictOf(() => rule(config)) ?? []));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

class UnjudgeableError extends Error {}

function unjudgeable(): never {
  throw new UnjudgeableError("This variable is wrong already.");
}

function verdictOf(rule: () => string | undefined): string | undefined {
  try {
    return rule();
  } catch (error) {
    if (error instanceof UnjudgeableError) return undefined;
    throw error;
  }
}

/** Any text. */
export function text<D extends string | undefined>(name: string, fallback: D): Variable<string | D> {
  return variable(name, fallback, (value) => value);
}

/** One of a few words. */
export function oneOf<const T extends string, D extends T | undefined>(
  name: string,
  choices: readonly T[],
  fallback: D,
): Variable<T | D> {
  return variable(name, fallback, (value) => {
    const choice = choices.find((each) => each === value);
    if (choice === undefined) throw new Error(`must be ${choices.join(" or ")}, not "${value}".`);
    return choice;
  });
}

/** A whole number within bounds. */
export function integer<D extends number | undefined>(
  name: string,
  fallback: D,
  bounds: { min: number; max: number },
): Variable<number | D> {
  return variable(name, fallback, (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (number >= bounds.min && number <= bounds.max) return number;
    throw new Error(`must be a whole number from ${bounds.min} to ${bounds.max}, not "${value}".`);
  });
}

/** A duration in milliseconds. */
export function milliseconds(name: string, fallback: number): Variable<number> {
  // The longest a timer of Node can wait.
  return integer(name, fallback, { min: 0, max: 2 ** 31 - 1 });
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
};

/** A size in bytes, written `1000`, `512k`, `64M`, `2G` or `1T` (powers of 1,024). */
export function bytes(name: string, fallback: number): Variable<number> {
  return variable(name, fallback, (value) => {
    const [, digits, unit] = /^(\d{1,15})([kmgt]?)$/i.exec(value) ?? [];
    const size = Number(digits) * (SIZE_UNITS[(unit ?? "").toLowerCase()] ?? NaN);
    if (Number.isSafeInteger(size)) return size;
    throw new Error(`must be a size such as 1000, 512k, 64M or 2G, not "${value}".`);
  });
}

/** A comma-separated list; empty when unset. */
export function list<T>(
  name: string,
  item: (text: string) => T,
  fallback: readonly T[] = [],
): Variable<readonly T[]> {
  return variable(name, Object.freeze(fallback), (value) => {
    const parts = value.split(",").map((part) => part.trim());
    return Object.freeze(parts.filter((part) => part !== "").map(item));
  });
}

/** A variable of any kind, with what it is when unset or empty. */
export function variable<T, D>(name: string, fallback: D, read: (value: string) => T): Variable<T | D> {
  return { name, read: (value) => (value === undefined || value === "" ? fallback : read(value)) };
}
