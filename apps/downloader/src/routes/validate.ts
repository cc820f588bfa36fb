import { HttpError } from "@wharf/service";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";

/**
 * Makes a check of what a client sent, for which what the schema does not know is an error rather than left out.
 *
 * @param noun what the data is, for the error's detail: `A download`
 * @returns a function that throws {@link HttpError} 400 `INVALID_REQUEST`, naming the property
 */
export function validatorOf<T extends TSchema>(schema: T, noun: string): (data: unknown) => Static<T> {
  const validator = Compile(schema);
  return (data) => {
    if (validator.Check(data)) return data;
    const errors = validator.Errors(data);
    const unknown = errors.find(({ keyword }) => keyword === "additionalProperties");
    if (unknown?.keyword === "additionalProperties") {
      const names = unknown.params.additionalProperties.join(", ");
      throw new HttpError(400, "INVALID_REQUEST", `${noun} has no property ${names}.`);
    }
    const [first] = errors;
    const place = first?.instancePath.slice(1).replaceAll("/", ".") || "The body";
    throw new HttpError(400, "INVALID_REQUEST", `${place} ${first?.message ?? "is not what it should be"}.`);
  };
}
