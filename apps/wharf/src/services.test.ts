import { expect, it } from "vitest";

import { serviceUrls } from "./services.ts";

it.each([
  [{}, "http://127.0.0.1:8080", "http://127.0.0.1:3000"],
  [{ HOST: "0.0.0.0" }, "http://127.0.0.1:8080", "http://127.0.0.1:3000"],
  [{ HOST: "::1" }, "http://[::1]:8080", "http://[::1]:3000"],
  [{ HOST: "" }, "http://127.0.0.1:8080", "http://127.0.0.1:3000"],
])("services started with %j are looked for where they listen", (env, fileserver, downloader) => {
  expect(serviceUrls(env)).toEqual({ fileserver, downloader });
});
