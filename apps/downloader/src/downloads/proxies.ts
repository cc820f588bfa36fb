import { addressSet, network } from "@wharf/service";
import { isIP } from "node:net";

import { bareHost } from "./guard.ts";

/** Which proxies there are, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say it. */
export interface ProxySettings {
  readonly httpProxy: URL | undefined;
  readonly httpsProxy: URL | undefined;
  /** Hosts that are connected to directly. */
  readonly noProxy: readonly string[];
}

/** The proxy to reach an origin by; undefined for none. */
export type ProxySelector = (origin: Pick<URL, "protocol" | "hostname" | "port">) => URL | undefined;

type Exemption = (host: string, port: number) => boolean;

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * Chooses proxies as curl does: each scheme has its own. An entry of `noProxy` is `*`, a name (with all names below it;
 * `*.name` for these alone), an address or a block of addresses, and may end in a port.
 */
export function proxySelector({ httpProxy, httpsProxy, noProxy }: ProxySettings): ProxySelector {
  const exemptions = noProxy.map(exemption);
  return (origin) => {
    const proxy = origin.protocol === "https:" ? httpsProxy : httpProxy;
    if (!proxy) return undefined;
    const host = bareHost(origin.hostname);
    const port = origin.port === "" ? (DEFAULT_PORTS[origin.protocol] ?? 0) : Number(origin.port);
    return exemptions.some((isExempt) => isExempt(host, port)) ? undefined : proxy;
  };
}

/** What a proxy wants to know of us (RFC 7617), from its URL; undefined when that names no user. */
export function proxyAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString("base64")}`;
}

function exemption(entry: string): Exemption {
  const [, bracketed, bracketedPort] = /^\[([^\]]+)\](?::(\d+))?$/.exec(entry) ?? [];
  // More than one colon: an IPv6 address without brackets, and so without a port.
  const [, named, namedPort] = /^([^:]+):(\d+)$/.exec(entry) ?? [];
  const isHost = hostMatcher((bracketed ?? named ?? entry).toLowerCase());
  const portText = bracketedPort ?? namedPort;
  return (host, port) => isHost(host) && (portText === undefined || Number(portText) === port);
}

function hostMatcher(text: string): (host: string) => boolean {
  if (text === "*") return () => true;
  const block = blockOf(text);
  if (block) return (host) => isIP(host) !== 0 && block.check(host, isIP(host) === 6 ? "ipv6" : "ipv4");
  const name = bareHost(text.replace(/^\*?\./, ""));
  const hasApex = !text.startsWith("*");
  return (host) => (hasApex && host === name) || host.endsWith(`.${name}`);
}

function blockOf(text: string): ReturnType<typeof addressSet> | undefined {
  try {
    return addressSet([network(text)]);
  } catch {
    return undefined;
  }
}
