import { isIP, type BlockList } from "node:net";

import ipaddr from "ipaddr.js";

import { UrlForbiddenError, UrlInvalidError } from "./errors.ts";

/** What the guard lets through beyond the public internet. */
export interface GuardPolicy {
  readonly networks: BlockList;
  /** Whether {@link networks} has anything in it. */
  readonly hasNetworks: boolean;
  readonly ports: readonly number[] | "any";
  /** Hears of each URL, and of each connection, that was not let through. */
  readonly onRefusal?: () => void;
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** Global unicast as it is given out; the rest of IPv6 is kept for other uses, or for later. */
const GLOBAL_IPV6 = ipaddr.parseCIDR("2000::/3");
/** A public address by its looks, and on Azure the platform's own services, for every machine. */
const DENIED_ADDRESSES: ReadonlySet<string> = new Set(["168.63.129.16"]);

/**
 * Reads what a client calls a URL, or a redirect a reference.
 *
 * @param base what the reference is relative to; without it, only an absolute URL is one
 * @throws {UrlInvalidError} for anything else, and for what parsers disagree about
 */
export function parseUrl(text: string, base?: URL): URL {
  // The URL standard reads `\` as `/` and drops control characters; who writes them means to confuse somebody.
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\\\u0000-\u001f\u007f]/.test(text)) {
    throw new UrlInvalidError("The URL contains a backslash or a control character.");
  }
  const url = URL.parse(text, base);
  if (!url) throw new UrlInvalidError("The URL is not an absolute URL such as https://example.com/file.");
  return url;
}

/**
 * Judges what can be told from a URL itself: scheme, credentials, port, and a host that is an address or can only be a
 * name of this network. The URL standard has by then made `2130706433`, `0x7f.1` and full-width digits what they are.
 *
 * @throws {UrlForbiddenError}
 */
export function judgeUrl(url: URL, policy: GuardPolicy): void {
  try {
    judge(url, policy);
  } catch (error) {
    policy.onRefusal?.();
    throw error;
  }
}

function judge(url: URL, policy: GuardPolicy): void {
  const defaultPort = DEFAULT_PORTS[url.protocol];
  if (defaultPort === undefined) throw new UrlForbiddenError("Only http and https URLs can be downloaded.");
  if (url.username !== "" || url.password !== "") {
    throw new UrlForbiddenError("The URL contains credentials; send them in the headers.");
  }
  const port = url.port === "" ? defaultPort : Number(url.port);
  if (policy.ports !== "any" && !policy.ports.includes(port)) {
    throw new UrlForbiddenError(`Port ${port} is not one that downloads may be made from.`);
  }
  judgeHost(url.hostname, policy);
}

function judgeHost(hostname: string, policy: GuardPolicy): void {
  const host = bareHost(hostname);
  const isPermitted = isIP(host) === 0 ? isPermittedName(host, policy) : isPermittedAddress(host, policy);
  if (!isPermitted) throw new UrlForbiddenError("The URL's host is not one that downloads may be made from.");
}

/** A host as sockets take it: an IPv6 address without its brackets, a name without the root's dot. */
export function bareHost(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname.replace(/\.$/, "");
}

/** An empty label is in no name (RFC 1035 §3.1); resolvers differ in what they make of it. */
function isPermittedName(host: string, policy: GuardPolicy): boolean {
  if (host.split(".").includes("")) return false;
  return policy.hasNetworks || !isLocalName(host);
}

/**
 * A single label can only be resolved by this network's own means. Where networks are allowed, such names are what
 * their machines are called by, and the addresses behind them are judged like any other.
 */
function isLocalName(host: string): boolean {
  return !host.includes(".") || host.endsWith(".localhost");
}

/** Whether a connection to an address may be made: it is global unicast, or in an allowed network. */
export function isPermittedAddress(text: string, policy: GuardPolicy): boolean {
  const [bare = ""] = text.split("%", 1);
  if (isIP(bare) === 0) return false;
  const address = ipaddr.process(bare); // an IPv4 address mapped into IPv6 is that IPv4 address
  const isIPv6 = address.kind() === "ipv6";
  if (policy.networks.check(address.toString(), isIPv6 ? "ipv6" : "ipv4")) return true;
  if (address.range() !== "unicast" || DENIED_ADDRESSES.has(address.toString())) return false;
  return !isIPv6 || address.match(GLOBAL_IPV6);
}
