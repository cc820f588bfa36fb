import { randomUUID } from "node:crypto";

import { expect, test } from "vitest";

import { DownloadUnknownError } from "../downloads/errors.ts";
import { readId } from "./download-id.ts";

test("an id is one that could have been given out", () => {
  const id = randomUUID();
  expect(readId({ id })).toBe(id);
});

test.each(["", "\0", "x\0", "\ud800", "1", `${randomUUID()}\n`, `${randomUUID()}\0`, ` ${randomUUID()}`])(
  "%j is no download's, whatever the database would make of it",
  (id) => {
    expect(() => readId({ id })).toThrow(DownloadUnknownError);
  },
);
