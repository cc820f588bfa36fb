/** A schema as an API server describes its kinds with: OpenAPI's kind of JSON Schema. */
export interface Definition {
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Definition>>;
  readonly required?: readonly string[];
  readonly items?: Definition;
  readonly additionalProperties?: Definition | boolean;
  readonly enum?: readonly unknown[];
  readonly $ref?: string;
  readonly "x-kubernetes-group-version-kind"?: readonly { group: string; version: string; kind: string }[];
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
}

/** What an API server answers at `/openapi/v2`, as far as it matters here. */
export interface Swagger {
  readonly definitions: Readonly<Record<string, Definition>>;
}

const QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity";
/** Whose description says that one of its values is deprecated, or what it stands in for. */
const SPEAKS_OF_ANOTHER: ReadonlySet<string> = new Set(["ingressClassName", "persistentVolumeReclaimPolicy"]);

/**
 * A definition as a JSON Schema that takes no field it does not name. What is called deprecated is marked so
 * (`deprecated`); descriptions and what a server alone sets (`status`) are left out.
 */
export function closed(definition: Definition, name = ""): object {
  const isIntegerOrString =
    definition.format === "int-or-string" || definition["x-kubernetes-int-or-string"] === true;
  if (isIntegerOrString) return { type: ["integer", "string"] };
  if (name === QUANTITY) return { type: ["number", "string"] };

  const { type, required, items, additionalProperties, properties, enum: values, $ref } = definition;
  const isOpen =
    additionalProperties !== undefined || definition["x-kubernetes-preserve-unknown-fields"] === true;
  return {
    ...(type !== undefined && { type }),
    ...(values !== undefined && { enum: values }),
    ...($ref !== undefined && { $ref }),
    ...(required !== undefined && { required }),
    ...(items !== undefined && { items: closed(items) }),
    ...(typeof additionalProperties === "object" && { additionalProperties: closed(additionalProperties) }),
    ...(properties !== undefined && {
      ...(!isOpen && { additionalProperties: false }),
      properties: Object.fromEntries(
        Object.entries(properties)
          .filter(([property]) => property !== "status")
          .map(([property, each]) => [
            property,
            { ...(isDeprecated(property, each) && { deprecated: true }), ...closed(each) },
          ]),
      ),
    }),
  };
}

/** "Deprecated: …", "DeprecatedServiceAccount is a deprecated alias …", "This field is deprecated …" */
function isDeprecated(property: string, { description = "" }: Definition): boolean {
  return /\bdeprecated\b/i.test(description) && !SPEAKS_OF_ANOTHER.has(property);
}
