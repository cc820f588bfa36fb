import { writeFileSync } from "node:fs";

import { inventorySchema } from "./schema.ts";

/** The schema that editors read, from the one that inventories are checked with. */
export function schemaFile(): string {
  const schema = { $schema: "http://json-schema.org/draft-07/schema#", ...inventorySchema };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) {
  writeFileSync(new URL("../../cluster.schema.json", import.meta.url), schemaFile());
}
