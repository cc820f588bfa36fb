import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

import { SeenChecksums } from "./seen-checksums.ts";

it("what was seen of a file is kept, and another one under its address is refused", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "wharf-seen-")), "state", "seen-checksums.json");
  const seen = await SeenChecksums.open(file);
  await Promise.all([seen.add("https://a.example/x", "aa"), seen.add("https://a.example/y", "bb")]);
  const again = await SeenChecksums.open(file);
  expect([again.of("https://a.example/x"), again.of("https://a.example/y")]).toEqual(["aa", "bb"]);
  await again.add("https://a.example/x", "aa");
  await expect(again.add("https://a.example/x", "cc")).rejects.toMatchObject({
    code: "SOURCE_CHANGED",
    message: "https://a.example/x had the SHA-256 aa, and now has cc",
  });
  expect(again.of("https://a.example/x")).toBe("aa");
});
