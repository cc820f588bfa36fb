import { Type, type Static } from "typebox";

import { OnConflictSchema } from "./download-schema.ts";

/** The most a client may ask for in one request. */
export const MAX_DOWNLOADS = 1000;

/** What a client may say of a download it wants. What is not here is refused, so that no option does nothing. */
export const CreateSchema = Type.Object(
  {
    url: Type.String({ maxLength: 8192, description: "http or https" }),
    path: Type.Optional(Type.String({ description: "The directory to publish in; default: the root" })),
    filename: Type.Optional(Type.String({ minLength: 1, description: "Default: what the source calls it" })),
    onConflict: Type.Optional(OnConflictSchema),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 8192 }), {
        maxProperties: 50,
        description: "Sent to the URL's own origin, and to no other",
      }),
    ),
    checksum: Type.Optional(
      Type.String({ maxLength: 256, description: "sha-256, sha-512, sha-1 or md5, `=`, hex or base64" }),
    ),
    maxBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    priority: Type.Optional(
      Type.Integer({ minimum: -1000, maximum: 1000, description: "Higher is earlier; default 0" }),
    ),
    notBefore: Type.Optional(Type.String({ format: "date-time", description: "Not to be started earlier" })),
  },
  { additionalProperties: false },
);

export type CreateBody = Static<typeof CreateSchema>;

/** One download, or several. */
export const CreateBodySchema = Type.Union([
  CreateSchema,
  Type.Array(CreateSchema, { maxItems: MAX_DOWNLOADS }),
]);
