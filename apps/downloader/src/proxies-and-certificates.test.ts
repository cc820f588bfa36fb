import { describe, expect, test } from "vitest";

import { createAuthority, hasOpenssl, startTlsOrigin } from "./testing/certificates.ts";
import { isFinished } from "./testing/downloader.ts";
import { temporaryFolder } from "./testing/folder.ts";
import { bytesOf, serveFile, startOrigin } from "./testing/origin.ts";
import { spawnDownloader } from "./testing/process.ts";
import { startProxy } from "./testing/proxy.ts";

const BODY = bytesOf(100_000);

describe.skipIf(!hasOpenssl)("an origin with a certificate of a private authority (needs openssl)", () => {
  test("is trusted by a process that was told of the authority, also through a proxy, and by no other", async () => {
    const { certificate, file } = await createAuthority();
    const origin = await startTlsOrigin(
      certificate,
      (request, response) => void serveFile(request, response, BODY),
    );
    const proxy = await startProxy({ credentials: "user:pass" });
    const submit = async (env: Record<string, string>) => {
      const downloader = await spawnDownloader(await temporaryFolder(), env);
      const { id } = await downloader.submit({ url: `${origin}/file.bin` });
      return { download: await downloader.until(id, isFinished), downloader };
    };

    const told = await submit({ NODE_EXTRA_CA_CERTS: file });
    expect(told.download).toMatchObject({ state: "completed" });
    expect(await told.downloader.read("file.bin")).toEqual(BODY);
    expect(proxy.asked).toEqual([]);

    const proxied = await submit({ NODE_EXTRA_CA_CERTS: file, https_proxy: proxy.url });
    expect(proxied.download).toMatchObject({ state: "completed" });
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${new URL(origin).host}`]));

    const untold = await submit({});
    expect(untold.download).toMatchObject({ state: "failed", attempts: 1, error: { code: "TLS_FAILED" } });
  });
});

test("downloads go by way of the proxy of the environment, and say so when it refuses them", async () => {
  const origin = await startOrigin((request, response) => serveFile(request, response, BODY));
  const proxy = await startProxy({ credentials: "user:topsecret" });
  const downloader = await spawnDownloader(await temporaryFolder(), {
    HTTP_PROXY: proxy.url,
    LOG_LEVEL: "trace",
  });
  const { id } = await downloader.submit({ url: `${origin.url}/file.bin` });
  expect(await downloader.until(id, isFinished)).toMatchObject({ state: "completed" });
  expect(await downloader.read("file.bin")).toEqual(BODY);
  expect(proxy.asked.length).toBeGreaterThan(0);

  const stranger = await spawnDownloader(await temporaryFolder(), {
    HTTP_PROXY: proxy.url.replace("topsecret", "wrong"),
  });
  const { id: refused } = await stranger.submit({ url: `${origin.url}/file.bin` });
  expect(await stranger.until(refused, isFinished)).toMatchObject({
    state: "failed",
    attempts: 1,
    error: {
      code: "PROXY_REFUSED",
      detail: "The proxy refused the connection (407 Proxy Authentication Required).",
    },
  });
  expect(downloader.log()).not.toContain("topsecret");
});
