import { Type, type Static } from "typebox";

import { OnConflictSchema } from "./download-schema.ts";

/** The most a client may ask for in one request. */
export const MAX_DOWNLOADS = 1000;

export const UrlSchema = Type.String({ maxLength: 8192, description: "http or https" });
export const PrioritySchema = Type.Integer({
  minimum: -1000,
  maximum: 1000,
  description: "Higher is earlier; default 0",
});
export const SpeedLimitSchema = Type.Union(
  [Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()],
  { description: "Bytes a second; null: as fast as it comes" },
);

/** What can be said of several downloads alike, in a query. */
const common = {
  path: Type.Optional(Type.String({ description: "The directory to publish in; default: the root" })),
  onConflict: Type.Optional(OnConflictSchema),
  maxBytes: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  priority: Type.Optional(PrioritySchema),
  segments: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 16, description: "The most connections at once" }),
  ),
  speedLimit: Type.Optional(SpeedLimitSchema),
  notBefore: Type.Optional(
    Type.String({
      format: "date-time",
      description: "Not to be started earlier; a time in the past: at once",
    }),
  ),
};

/** What a client may say of a download it wants. What is not here is refused, so that no option does nothing. */
export const CreateSchema = Type.Object(
  {
    url: UrlSchema,
    ...common,
    webhook: Type.Optional(
      Type.String({ maxLength: 8192, description: "http or https; called when the download has ended" }),
    ),
    filename: Type.Optional(Type.String({ minLength: 1, description: "Default: what the source calls it" })),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 8192 }), {
        maxProperties: 50,
        description: "Sent to the URL's own origin, and to no other",
      }),
    ),
    checksum: Type.Optional(
      Type.String({ maxLength: 256, description: "sha-256, sha-512, sha-1 or md5, `=`, hex or base64" }),
    ),
  },
  { additionalProperties: false },
);

/** What can be said of all downloads of a list, in the query: nothing that may hold a secret, since URLs are logged. */
export const ListOptionsSchema = Type.Object(common, { additionalProperties: false });

export type ListOptions = Static<typeof ListOptionsSchema>;

/** One download, or several. */
export const CreateBodySchema = Type.Union([
  CreateSchema,
  Type.Array(CreateSchema, { maxItems: MAX_DOWNLOADS }),
]);
