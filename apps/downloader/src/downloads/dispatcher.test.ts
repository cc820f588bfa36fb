import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { setDefaultCACertificates, getCACertificates } from "node:tls";

import { addressSet } from "@wharf/service";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";

import { createAuthority, hasOpenssl, startTlsOrigin, type Certificate } from "../testing/certificates.ts";
import { startOrigin } from "../testing/origin.ts";
import { startProxy } from "../testing/proxy.ts";
import { createDispatcher } from "./dispatcher.ts";
import { AddressForbiddenError } from "./errors.ts";
import type { GuardPolicy } from "./guard.ts";
import type { ProxySettings } from "./proxies.ts";
import { sendGet } from "./source-response.ts";

const STRICT: GuardPolicy = { networks: addressSet([]), hasNetworks: false, ports: "any" };
const OPEN: GuardPolicy = { ...STRICT, networks: addressSet(["127.0.0.0/8"]), hasNetworks: true };

interface Proxies {
  readonly http?: string;
  readonly https?: string;
  readonly noProxy?: readonly string[];
}

function settings({ http, https, noProxy = [] }: Proxies): ProxySettings {
  const read = (url: string | undefined): URL | undefined => (url === undefined ? undefined : new URL(url));
  return { httpProxy: read(http), httpsProxy: read(https), noProxy };
}

async function get(url: string, proxies: Proxies, policy = OPEN): Promise<{ status: number; body: string }> {
  const options = { ...settings(proxies), connectTimeoutMs: 500, maxPerHost: 4 };
  const dispatcher = createDispatcher(options, policy);
  onTestFinished(() => dispatcher.destroy());
  const headers = { authorization: "Bearer for-the-origin" };
  const signal = new AbortController().signal;
  const response = await sendGet(dispatcher, { url: new URL(url), headers, headersTimeoutMs: 2_000, signal });
  let body = "";
  await response.receive((chunk) => void (body += chunk.toString()), 2_000);
  return { status: response.status, body };
}

describe("an http URL by way of a proxy", () => {
  test("is asked for whole, and the origin does not learn the proxy's credentials", async () => {
    const origin = await startOrigin((_request, response) => response.end("hello"));
    const proxy = await startProxy({ credentials: "user:pass" });
    const answer = await get(`${origin.url}/a%20b?c=d`, { http: proxy.url });
    expect(answer).toEqual({ status: 200, body: "hello" });
    expect(proxy.asked).toEqual([`GET ${origin.url}/a%20b?c=d`]);
    expect(origin.requests[0]?.url).toBe("/a%20b?c=d");
    expect(origin.requests[0]?.headers).toMatchObject({
      authorization: "Bearer for-the-origin",
      host: new URL(origin.url).host,
    });
    expect(origin.requests[0]?.headers).not.toHaveProperty("proxy-authorization");
  });

  test("is refused when the proxy does not know us", async () => {
    const proxy = await startProxy({ credentials: "user:pass" });
    const url = proxy.url.replace("user:pass@", "");
    await expect(get("http://name.example/", { http: url })).rejects.toMatchObject({
      code: "PROXY_REFUSED",
      message: "The proxy refused the connection (407 Proxy Authentication Required).",
      isTransient: false,
    });
  });

  test("goes without one where none is wanted", async () => {
    const origin = await startOrigin((_request, response) => response.end("direct"));
    const proxy = await startProxy();
    expect((await get(origin.url, { http: proxy.url, noProxy: ["127.0.0.1"] })).body).toBe("direct");
    expect((await get(origin.url, { https: proxy.url })).body).toBe("direct");
    expect(proxy.asked).toEqual([]);
  });
});

describe("the guard, with a proxy", () => {
  test("lets the operator's own proxy be anywhere, and nothing else", async () => {
    const proxy = await startProxy({ status: 503 });
    expect((await get("http://name.example/", { http: proxy.url }, STRICT)).status).toBe(503);
    const onRefusal = vi.fn<() => void>();
    const proxies = { http: proxy.url, https: proxy.url };
    for (const url of ["http://127.0.0.1:9/", "https://127.0.0.1:9/", "http://[::ffff:7f00:1]:9/"]) {
      await expect(get(url, proxies, { ...STRICT, onRefusal })).rejects.toThrow(AddressForbiddenError);
    }
    expect(onRefusal).toHaveBeenCalledTimes(3);
    expect(proxy.asked).toEqual(["GET http://name.example/"]);
  });

  test("still judges what goes without one", async () => {
    const proxy = await startProxy();
    const proxies = { http: proxy.url, noProxy: ["localhost"] };
    await expect(get("http://localhost:9/", proxies, STRICT)).rejects.toThrow(AddressForbiddenError);
    expect(proxy.asked).toEqual([]);
  });
});

describe("a tunnel that is not made", () => {
  test.each([
    [403, "403 Forbidden", false],
    [407, "407 Proxy Authentication Required", false],
    [502, "502 Bad Gateway", true],
    [599, "599", true],
  ])("because the proxy answers %i", async (status, told, isTransient) => {
    const proxy = await startProxy({ status });
    await expect(get("https://name.example/", { https: proxy.url })).rejects.toMatchObject({
      code: "PROXY_REFUSED",
      message: `The proxy refused the connection (${told}).`,
      isTransient,
    });
    expect(proxy.asked).toEqual(["CONNECT name.example:443"]);
  });

  test.each([
    ["because the proxy says nothing", async () => (await startProxy({ isMute: true })).url],
    ["because there is no proxy", async () => "http://127.0.0.1:1"],
    ["because the proxy does not speak HTTP", () => startListener((socket) => socket.end("220 hello\r\n"))],
    ["because the proxy breaks off", () => startListener((socket) => socket.destroy())],
  ])("%s", async (_why, start) => {
    await expect(get("https://name.example/", { https: await start() })).rejects.toMatchObject({
      code: "PROXY_FAILED",
      isTransient: true,
    });
  });
});

describe.skipIf(!hasOpenssl)("an https URL by way of a proxy (needs openssl)", () => {
  let certificate: Certificate;

  beforeEach(async () => {
    const authority = await createAuthority();
    certificate = authority.certificate;
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, authority.authority]);
    return () => setDefaultCACertificates(before);
  });

  test.each(["http", "https"])("goes through a tunnel of an %s proxy", async (scheme) => {
    const heard: unknown[] = [];
    const origin = await startTlsOrigin(certificate, (request, response) => {
      heard.push(request.headers["proxy-authorization"], request.url);
      response.end("secret");
    });
    const proxy = await startProxy({
      credentials: "user:pass",
      ...(scheme === "https" && { certificate }),
    });
    expect(await get(`${origin}/x?y`, { https: proxy.url })).toEqual({ status: 200, body: "secret" });
    expect(proxy.asked).toEqual([`CONNECT ${new URL(origin).host}`]);
    expect(proxy.authorizations[0]).toMatch(/^Basic /);
    expect(heard).toEqual([undefined, "/x?y"]);
  });

  test("is not read by a proxy that shows another's certificate", async () => {
    // The certificate is for 127.0.0.1 and localhost, and the proxy leads everything there.
    const origin = await startTlsOrigin(certificate, (_request, response) => response.end("secret"));
    const port = Number(new URL(origin).port);
    const proxy = await startProxy({ leadsTo: port });
    await expect(get("https://name.example/", { https: proxy.url })).rejects.toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  test("is refused when nobody vouches for the origin", async () => {
    const { certificate: strange } = await createAuthority();
    const origin = await startTlsOrigin(strange, (_request, response) => response.end("secret"));
    const proxy = await startProxy();
    await expect(get(origin, { https: proxy.url })).rejects.toMatchObject({
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
  });

  test("an http URL is asked of an https proxy, too", async () => {
    const origin = await startOrigin((_request, response) => response.end("hello"));
    const proxy = await startProxy({ certificate });
    expect((await get(origin.url, { http: proxy.url })).body).toBe("hello");
    expect(proxy.asked).toEqual([`GET ${origin.url}/`]);
  });
});

async function startListener(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => onSocket(socket.on("error", () => undefined)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
