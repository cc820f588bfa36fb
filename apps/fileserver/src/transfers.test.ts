import { expect, test } from "vitest";

import { Transfers } from "./transfers.ts";

test("as many transfers may run as the limit says, and one more when one has ended", () => {
  const transfers = new Transfers(2);
  const first = transfers.begin();
  using _second = transfers.begin();
  expect(() => transfers.begin()).toThrow(
    expect.objectContaining({
      status: 503,
      code: "TOO_MANY_TRANSFERS",
      headers: { "retry-after": "1" },
    }) as Error,
  );
  first[Symbol.dispose]();
  using _third = transfers.begin();
  expect(() => transfers.begin()).toThrow(/Too many transfers/);
  first.end();
  expect(() => transfers.begin()).toThrow(/Too many transfers/);
});
