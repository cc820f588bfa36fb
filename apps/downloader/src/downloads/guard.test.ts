import { addressSet } from "@wharf/service";
import { describe, expect, test, vi } from "vitest";

import { UrlForbiddenError, UrlInvalidError } from "./errors.ts";
import { isPermittedAddress, judgeUrl, parseUrl, type GuardPolicy } from "./guard.ts";

const STRICT: GuardPolicy = { networks: addressSet([]), hasNetworks: false, ports: [80, 443, 8080, 8443] };

function allowing(networks: readonly string[], ports: GuardPolicy["ports"] = STRICT.ports): GuardPolicy {
  return { networks: addressSet(networks), hasNetworks: networks.length > 0, ports };
}

function judge(text: string, policy = STRICT): void {
  judgeUrl(parseUrl(text), policy);
}

describe("hosts that are addresses, however they are written", () => {
  test.each([
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.000.000.001/",
    "http://017700000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0/",
    "http://0.0.0.0/",
    "http://１２７.０.０.１/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "http://%31%32%37.0.0.1/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://198.18.0.1/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::1]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fd00:ec2::254]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:168.63.129.16]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:db8::1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::7f00:1]/",
    "http://[ff02::1]/",
    "http://[4000::1]/",
  ])("%s is forbidden", (url) => {
    expect(() => judge(url)).toThrow(UrlForbiddenError);
    // With the way opened to one network, all the others stay closed.
    expect(() => judge(url, allowing(["203.0.113.0/24"]))).toThrow(UrlForbiddenError);
  });

  test.each(["http://1.1.1.1/", "http://8.8.8.8:8080/a", "https://[2606:4700:4700::1111]/"])(
    "%s is let through",
    (url) => {
      expect(() => judge(url)).not.toThrow();
    },
  );
});

describe("names", () => {
  test.each([
    "http://localhost/",
    "http://localhost./",
    "http://LOCALHOST/",
    "http://a.localhost/",
    "http://fileserver/",
  ])("%s can only be of this network, and is forbidden", (url) => {
    expect(() => judge(url)).toThrow(UrlForbiddenError);
  });

  test.each([
    "http://localhost../",
    "http://a.localhost../",
    "http://127.0.0.1../",
    "http://example..com/",
    "http://.example.com/",
    "http://example.com../",
    "http://./",
    "http://../",
    "http://example。。com/",
  ])("%s has an empty label, and is forbidden, whatever is allowed", (url) => {
    expect(() => judge(url)).toThrow(UrlForbiddenError);
    expect(() => judge(url, allowing(["10.0.0.0/8"]))).toThrow(UrlForbiddenError);
  });

  test("where a network is allowed, its names are left to be judged by their addresses", () => {
    expect(() => judge("http://fileserver/", allowing(["10.0.0.0/8"]))).not.toThrow();
  });

  test.each(["http://example.com/", "https://example.com./x?y", "https://bücher.example/"])(
    "%s is let through",
    (url) => {
      expect(() => judge(url)).not.toThrow();
    },
  );
});

describe("the rest of a URL", () => {
  test.each(["ftp://example.com/", "file:///etc/passwd", "data:,x", "gopher://example.com/", "javascript:1"])(
    "the scheme of %s is forbidden",
    (url) => {
      expect(() => judge(url)).toThrow(UrlForbiddenError);
    },
  );

  test.each([
    "http://user@example.com/",
    "http://:secret@example.com/",
    "http://1.1.1.1@127.0.0.1/",
    "http://1.1.1.1 &@127.0.0.1/",
  ])("the credentials in %s are forbidden, and not repeated", (url) => {
    expect(() => judge(url)).toThrow(/credentials/);
    expect(() => judge(url)).not.toThrow(/secret/);
  });

  test.each(["http://example.com:22/", "http://example.com:3000/", "https://example.com:0/"])(
    "the port of %s is forbidden",
    (url) => {
      expect(() => judge(url)).toThrow(/Port \d+ is not one/);
    },
  );

  test("a port that is not allowed by default can be", () => {
    expect(() => judge("http://example.com:3000/", allowing([], [3000]))).not.toThrow();
    expect(() => judge("http://example.com:4711/", allowing([], "any"))).not.toThrow();
    expect(() => judge("http://example.com/", allowing([], [3000]))).toThrow(UrlForbiddenError);
  });

  test.each([
    "",
    "//example.com/x",
    "/x",
    "example.com/x",
    "http://",
    "http://exa mple.com/",
    "http:\\\\127.0.0.1\\",
    "http://example.com\\@127.0.0.1/",
    "http://example.com/\u0000",
    "ht\ntp://example.com/",
    "http://[::1/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://127.0.0.1%00/",
    "http://08.8.8.8/",
    "http://1.2.3.4.5/",
    "http://example.com:99999/",
  ])("%j is no URL", (text) => {
    expect(() => parseUrl(text)).toThrow(UrlInvalidError);
  });
});

describe("addresses", () => {
  test("an allowed network is let through, in either notation, and its neighbours are not", () => {
    const policy = allowing(["10.1.0.0/16", "fd00:1::/32"]);
    expect(isPermittedAddress("10.1.2.3", policy)).toBe(true);
    expect(isPermittedAddress("::ffff:10.1.2.3", policy)).toBe(true);
    expect(isPermittedAddress("fd00:1::5", policy)).toBe(true);
    expect(isPermittedAddress("10.2.0.1", policy)).toBe(false);
    expect(isPermittedAddress("fd00:2::5", policy)).toBe(false);
  });

  test.each(["", "example.com", "fe80::1%eth0", "127.1", "1.2.3"])("%j is not permitted", (text) => {
    expect(isPermittedAddress(text, STRICT)).toBe(false);
  });

  // IANA's registries of special addresses: IPv4 (RFC 6890 and later), then IPv6.
  test.each([
    "0.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.254",
    "127.255.255.254",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "239.255.255.255",
    "240.0.0.1",
    "64:ff9b::808:808",
    "100::1",
    "2001::1",
    "2001:1::1",
    "2001:2::1",
    "2001:3::1",
    "2001:4:112::1",
    "2001:10::1",
    "2001:20::1",
    "2001:30::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "febf::1",
    "fe80::1%1",
  ])("%s is for special purposes, and not permitted", (address) => {
    expect(isPermittedAddress(address, STRICT)).toBe(false);
  });

  test.each(["::ffff:8.8.8.8", "2a00::1", "172.32.0.1", "100.128.0.1", "192.0.1.1"])(
    "%s is permitted",
    (address) => {
      expect(isPermittedAddress(address, STRICT)).toBe(true);
    },
  );
});

test("whoever counts what is not let through hears of it, and of nothing else", () => {
  const onRefusal = vi.fn<() => void>();
  const policy = { ...STRICT, onRefusal };
  judge("http://example.com/", policy);
  expect(onRefusal).not.toHaveBeenCalled();
  expect(() => judge("http://10.0.0.1/", policy)).toThrow(UrlForbiddenError);
  expect(() => judge("http://example.com:22/", policy)).toThrow(UrlForbiddenError);
  expect(onRefusal).toHaveBeenCalledTimes(2);
});
