import type { TSchema } from "typebox";
import { Settings } from "typebox/system";
import { Errors } from "typebox/value";

import { suggestion } from "../cli/nearest.ts";
import { pathText, type InventoryDocument, type Path } from "./document.ts";
import { inventorySchema } from "./schema.ts";

// Eight unless told otherwise, and an operator wants to know of all.
Settings.Set({ maxErrors: 1000 });

/** What a document's shape is worth. */
export interface Shape {
  readonly problems: readonly string[];
  /** Where something is wrong already: nothing more is to be said of it. */
  readonly wrong: readonly Path[];
}

type SchemaError = ReturnType<typeof Errors>[number];

/** Compares a document with the schema, and says each difference in words. */
export function checkShape(document: InventoryDocument): Shape {
  const problems: string[] = [];
  const wrong: Path[] = [];
  for (const error of Errors(inventorySchema, document.value)) {
    const path = toPath(error.instancePath);
    if (error.keyword === "boolean") continue;
    // A pattern has nothing to say about what is no text, nor a choice about each of its words.
    if (wrong.some((other) => other.length > 0 && pathText(other) === pathText(path))) continue;
    const told = tell(error, path, document);
    problems.push(...told.map(({ message }) => message));
    wrong.push(...told.map((one) => one.path));
  }
  return { problems, wrong };
}

function tell(
  error: SchemaError,
  path: Path,
  document: InventoryDocument,
): { path: Path; message: string }[] {
  const schema = schemaAt(path);
  const where = path.length === 0 ? "the file" : pathText(path);
  if (error.keyword === "additionalProperties") {
    const known = Object.keys(schema["properties"] ?? {});
    return error.params.additionalProperties.map((key) => {
      const hint =
        known.length === 0 ? describe(schema) : suggestion(key, known) || `. Known are ${known.join(", ")}`;
      const message = `${pathText([...path, key])} is not known${hint}`;
      return { path: [...path, key], message: document.keyProblem([...path, key], message) };
    });
  }
  if (error.keyword === "required") {
    return error.params.requiredProperties.map((key) => {
      const message = `${where} has no "${key}"${describe(schemaAt([...path, key]))}`;
      return { path: [...path, key], message: document.problem(path, message) };
    });
  }
  const found: unknown = path.reduce<unknown>(
    (value, key) => (value as Record<string, unknown>)[key],
    document.value,
  );
  const message = `${where} ${expectation(schema)}${shown(found)}`;
  return [{ path, message: document.problem(path, message) }];
}

/** What a value must be, for a person. */
function expectation(schema: Schema): string {
  if (typeof schema["patternErrorMessage"] === "string") return schema["patternErrorMessage"];
  if (schema["enum"] !== undefined) return `must be ${schema["enum"].join(" or ")}`;
  if (schema["type"] === "array")
    return schema["minItems"] === 1 ? "must be a list of at least one" : "must be a list";
  if (schema["type"] === "object") return "must be a mapping: keys, each with a value";
  return "must be text";
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return ", and is empty";
  return typeof value === "object" ? "" : `, not ${JSON.stringify(value)}`;
}

function describe(schema: Schema): string {
  const text = schema["description"] ?? schema["enum"]?.join(" or ");
  return typeof text === "string" ? `: ${text.replace(/\.$/, "")}` : "";
}

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minItems?: number;
  readonly description?: string;
  readonly patternErrorMessage?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

function schemaAt(path: Path): Schema {
  return path.reduce<Schema>(
    (schema, key) => {
      if (typeof key === "number") return schema.items ?? {};
      return schema.properties?.[key] ?? Object.values(schema.patternProperties ?? {})[0] ?? {};
    },
    inventorySchema as TSchema as Schema,
  );
}

/** From a JSON Pointer (RFC 6901). */
function toPath(pointer: string): Path {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
