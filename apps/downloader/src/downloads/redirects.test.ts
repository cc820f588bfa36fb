import { beforeEach, expect, test, vi } from "vitest";

import { startDownloader } from "../testing/downloader.ts";
import { bytesOf, serveFile, startOrigin, type Answer } from "../testing/origin.ts";

beforeEach(() => {
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  return () => random.mockRestore();
});

const file: Answer = (request, response) => serveFile(request, response, bytesOf(100));

function redirect(to: string, status = 302): Answer {
  return (_request, response) => response.writeHead(status, { location: to }).end("elsewhere");
}

const SECRETS = { authorization: "Bearer secret", cookie: "session=secret", "x-api-key": "secret" };

test.each([301, 302, 303, 307, 308])(
  "a %i is followed, and the file is called by where it ends",
  async (status) => {
    const origin = await startOrigin((request, response, count) =>
      (request.url === "/start" ? redirect("../deep/real%20name.bin?x", status) : file)(
        request,
        response,
        count,
      ),
    );
    const downloader = await startDownloader();
    expect((await downloader.fetch({ url: `${origin.url}/start` })).file?.path).toBe("/real name.bin");
  },
);

test("within an origin the client's headers go along", async () => {
  const origin = await startOrigin((request, response, count) =>
    (request.url === "/start" ? redirect("/end") : file)(request, response, count),
  );
  const downloader = await startDownloader();
  await downloader.fetch({ url: `${origin.url}/start`, headers: SECRETS });
  for (const request of origin.requests) expect(request.headers).toMatchObject(SECRETS);
  expect(origin.requests).toHaveLength(2);
});

test("across origins they are dropped, and stay so on the way back", async () => {
  const other = await startOrigin((request, response, count) =>
    redirect(`${origin.url}/end`)(request, response, count),
  );
  const origin = await startOrigin((request, response, count) =>
    (request.url === "/start" ? redirect(`${other.url}/`) : file)(request, response, count),
  );
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/start`, headers: SECRETS })).toMatchObject({
    state: "completed",
  });
  expect(origin.requests[0]?.headers).toMatchObject(SECRETS);
  expect(JSON.stringify(other.requests[0]?.headers)).not.toContain("secret");
  expect(JSON.stringify(origin.requests[1]?.headers)).not.toContain("secret");
});

test("a loop ends", async () => {
  const origin = await startOrigin(redirect("/again"));
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/` })).toMatchObject({
    state: "failed",
    attempts: 1,
    error: { code: "TOO_MANY_REDIRECTS" },
  });
  expect(origin.requests).toHaveLength(11);
});

test("ten redirects are not too many", async () => {
  const origin = await startOrigin((request, response, count) =>
    (count <= 10 ? redirect(`/${count}`) : file)(request, response, count),
  );
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/0` })).toMatchObject({ state: "completed" });
});

test("a redirect to nowhere fails", async () => {
  const origin = await startOrigin((_request, response) => response.writeHead(302).end());
  const downloader = await startDownloader();
  expect(await downloader.fetch({ url: `${origin.url}/` })).toMatchObject({
    state: "failed",
    error: { code: "REDIRECT_INVALID" },
  });
});

test.each([
  ["backslashes for slashes", "http:\\\\127.0.0.1:PORT\\end"],
  ["a host behind backslashes", "\\\\127.0.0.1:PORT\\end"],
  ["a backslash in its path", "/end\\of"],
  ["a tab in its scheme", "ht\ttp://127.0.0.1:PORT/end"],
  ["a tab in its path", "/e\tnd"],
  ["a host that is none", "http://[::1/end"],
])("a redirect with %s, which would not be taken from a client, fails", async (_what, target) => {
  const origin = await startOrigin((request, response, count) =>
    (request.url === "/" ? redirect(target.replace("PORT", new URL(origin.url).port)) : file)(
      request,
      response,
      count,
    ),
  );
  const downloader = await startDownloader();
  const download = await downloader.fetch({ url: `${origin.url}/` });
  expect(download).toMatchObject({
    state: "failed",
    attempts: 1,
    error: { code: "REDIRECT_INVALID", detail: "The server answered 302 with a Location that is no URL." },
  });
  expect(origin.requests).toHaveLength(1);
});

// The guard here lets 127.0.0.1 through, and no other address.
test.each([
  ["another literal", "http://127.0.0.2:PORT/"],
  ["a literal written as a number", "http://2130706434:PORT/"],
  ["a literal in IPv6", "http://[::1]:PORT/"],
  ["a literal mapped into IPv6", "http://[::ffff:127.0.0.2]:PORT/"],
  ["another scheme", "file:///etc/passwd"],
  ["credentials", "http://user:pass@127.0.0.1:PORT/"],
  ["a host without a scheme", "//127.0.0.2:PORT/"],
])("a redirect to %s is not followed, and not tried again", async (_what, target) => {
  const origin = await startOrigin((request, response, count) =>
    redirect(target.replace("PORT", new URL(origin.url).port))(request, response, count),
  );
  const downloader = await startDownloader({ ALLOW_NETWORKS: "127.0.0.1" });
  const download = await downloader.fetch({ url: `${origin.url}/` });
  expect(download).toMatchObject({ state: "failed", attempts: 1, error: { code: "ADDRESS_FORBIDDEN" } });
  expect(download.error?.detail).not.toMatch(/127|::1|passwd|pass@/);
  expect(origin.requests).toHaveLength(1);
});

test("a name that leads to a forbidden address fails, and is not tried again", async () => {
  const downloader = await startDownloader({ ALLOW_NETWORKS: "203.0.113.0/24" });
  const download = await downloader.fetch({ url: "http://localhost:9/" });
  expect(download).toMatchObject({ state: "failed", attempts: 1, error: { code: "ADDRESS_FORBIDDEN" } });
});
