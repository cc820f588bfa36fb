import { expect, test } from "vitest";

import { LATER, NOWHERE, type Page, type Results } from "../testing/api.ts";
import { startDownloader, type TestDownloader } from "../testing/downloader.ts";
import type { DownloadBody } from "./download-schema.ts";

const KEY = { "idempotency-key": '"one"' };
const REQUEST = { url: NOWHERE, notBefore: LATER, headers: { a: "1", b: "2" } };

async function count(downloader: TestDownloader): Promise<number> {
  return (await downloader.ask<Page>("GET", "/downloads")).body.downloads.length;
}

test("a repeat is answered with the first one, however it is written, by every replica", async () => {
  const downloader = await startDownloader();
  const other = await startDownloader({}, downloader.directory);
  const first = await downloader.ask<DownloadBody>("POST", "/downloads", REQUEST, KEY);
  const { headers, ...rest } = REQUEST;
  const again = `{ "headers": {"b": "2", "a": "1"}, ${JSON.stringify({ ...rest }).slice(1)}`;
  expect(headers).toBeDefined();
  const second = await other.ask<DownloadBody>("POST", "/downloads", again, {
    "content-type": "application/json",
    "idempotency-key": "one",
  });
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body).toEqual(first.body);
  expect(second.headers["location"]).toBe(first.headers["location"]);
  expect(await count(downloader)).toBe(1);
});

test("other content under the same key is refused, and nothing is made", async () => {
  const downloader = await startDownloader();
  await downloader.ask("POST", "/downloads", REQUEST, KEY);
  for (const other of [{ ...REQUEST, url: `${NOWHERE}?2` }, [REQUEST], { ...REQUEST, priority: 0 }]) {
    expect(await downloader.ask("POST", "/downloads", other, KEY)).toMatchObject({
      status: 422,
      body: { code: "IDEMPOTENCY_KEY_REUSED" },
    });
  }
  expect(await count(downloader)).toBe(1);
});

test("two requests at once make one, on two replicas", async () => {
  const downloader = await startDownloader();
  const other = await startDownloader({}, downloader.directory);
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      (n % 2 ? downloader : other).ask<DownloadBody>("POST", "/downloads", REQUEST, KEY),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(await count(downloader)).toBe(1);
});

test("a repeat of an array has the same results, the refused in their places and the removed gone", async () => {
  const downloader = await startDownloader();
  const array = [REQUEST, { url: "x" }, REQUEST, { ...REQUEST, url: `${NOWHERE}?2` }];
  const first = (await downloader.ask<Results>("POST", "/downloads", array, KEY)).body.results;
  const repeat = async () => (await downloader.ask<Results>("POST", "/downloads", array, KEY)).body.results;
  expect((await repeat()).map(({ download }) => download)).toEqual(first.map(({ download }) => download));
  await downloader.ask("DELETE", `/downloads/${first[0]?.download?.id}`);
  const second = await repeat();
  expect(second.map(({ status }) => status)).toEqual([410, 400, 201, 201]);
  expect(second[0]?.problem).toMatchObject({ status: 410, code: "DOWNLOAD_REMOVED" });
  expect(second.slice(2).map(({ download }) => download?.id)).toEqual(
    first.slice(2).map(({ download }) => download?.id),
  );
  expect(await count(downloader)).toBe(2);
});

test("what it made and was removed since is gone, and not made again", async () => {
  const downloader = await startDownloader();
  const { body } = await downloader.ask<DownloadBody>("POST", "/downloads", REQUEST, KEY);
  await downloader.ask("DELETE", `/downloads/${body.id}`);
  expect(await downloader.ask("POST", "/downloads", REQUEST, KEY)).toMatchObject({
    status: 410,
    body: { code: "DOWNLOAD_REMOVED" },
  });
  expect(await count(downloader)).toBe(0);
});

test("a refused request does not use the key up", async () => {
  const downloader = await startDownloader();
  expect((await downloader.ask("POST", "/downloads", { url: "x" }, KEY)).status).toBe(400);
  expect((await downloader.ask("POST", "/downloads", REQUEST, KEY)).status).toBe(201);
});

test("a list has one, too", async () => {
  const downloader = await startDownloader();
  const url = `/downloads?notBefore=${encodeURIComponent(LATER)}`;
  const [first, second] = [
    await downloader.ask<Results>("PUT", url, `${NOWHERE}\n`, KEY),
    await downloader.ask<Results>("PUT", url, `# the same\r\n${NOWHERE}\r\n`, KEY),
  ];
  expect(second.body).toEqual(first.body);
  expect((await downloader.ask("PUT", `${url}&path=x`, NOWHERE, KEY)).status).toBe(422);
});

test("a key that is none is refused", async () => {
  const downloader = await startDownloader();
  const answer = await downloader.ask("POST", "/downloads", REQUEST, { "idempotency-key": "a b" });
  expect(answer).toMatchObject({ status: 400, body: { code: "IDEMPOTENCY_KEY_INVALID" } });
  expect(await count(downloader)).toBe(0);
});
