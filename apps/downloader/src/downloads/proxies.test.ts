import { describe, expect, test } from "vitest";

import { proxyAuthorization, proxySelector } from "./proxies.ts";

const httpProxy = new URL("http://plain.example:3128");
const httpsProxy = new URL("http://secure.example:3128");

test("each scheme has its own proxy", () => {
  const proxyFor = proxySelector({ httpProxy, httpsProxy, noProxy: [] });
  expect(proxyFor(new URL("http://example.com/"))).toBe(httpProxy);
  expect(proxyFor(new URL("https://example.com/"))).toBe(httpsProxy);
  const onlyHttp = proxySelector({ httpProxy, httpsProxy: undefined, noProxy: [] });
  expect(onlyHttp(new URL("https://example.com/"))).toBeUndefined();
});

describe("no proxy is asked for", () => {
  test.each([
    ["*", "http://example.com/"],
    ["example.com", "http://example.com/"],
    ["example.com", "https://EXAMPLE.com./"],
    ["Example.COM.", "http://example.com/"],
    ["example.com", "http://a.b.example.com/"],
    [".example.com", "http://a.example.com/"],
    [".example.com", "http://example.com/"],
    ["*.example.com", "http://a.example.com/"],
    ["example.com:8080", "http://example.com:8080/"],
    ["example.com:80", "http://example.com/"],
    ["example.com:443", "https://example.com/"],
    ["*:8080", "http://example.com:8080/"],
    ["10.1.2.3", "http://10.1.2.3/"],
    ["10.0.0.0/8", "http://10.1.2.3/"],
    ["::1", "http://[::1]/"],
    ["[::1]", "http://[0:0::1]/"],
    ["[::1]:8080", "http://[::1]:8080/"],
    ["fd00::/8", "http://[fd00:1::2]/"],
  ])("by %s for %s", (entry, url) => {
    const proxyFor = proxySelector({ httpProxy, httpsProxy, noProxy: ["other.example", entry] });
    expect(proxyFor(new URL(url))).toBeUndefined();
  });
});

describe("a proxy is asked for", () => {
  test.each([
    ["example.com", "http://notexample.com/"],
    ["example.com", "http://example.com.evil.example/"],
    ["*.example.com", "http://example.com/"],
    ["example.com:8080", "http://example.com/"],
    ["example.com:80", "https://example.com/"],
    ["10.1.2.3", "http://10.1.2.30/"],
    ["10.0.0.0/8", "http://11.0.0.1/"],
    ["10.0.0.0/8", "http://name.example/"],
    ["10.0.0.0/99", "http://10.0.0.1/"],
    ["::1", "http://[::2]/"],
  ])("in spite of %s for %s", (entry, url) => {
    const proxyFor = proxySelector({ httpProxy, httpsProxy, noProxy: [entry] });
    expect(proxyFor(new URL(url))).toBeDefined();
  });
});

test("a proxy's credentials are those in its URL, decoded", () => {
  expect(proxyAuthorization(httpProxy)).toBeUndefined();
  const encoded = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  expect(proxyAuthorization(new URL("http://us%40er:p%3Ass@p.example"))).toBe(encoded("us@er:p:ss"));
  expect(proxyAuthorization(new URL("http://user@p.example"))).toBe(encoded("user:"));
});
