import { BlockList, isIP } from "node:net";
import { resolve } from "node:path";

import {
  bytes,
  integer,
  list,
  milliseconds,
  oneOf,
  text,
  variable,
  type ConfigOf,
  type Variable,
  type Variables,
} from "./config.ts";

/** The variables that both services know. */
export function serviceVariables(defaults: { port: number; metricsPort: number; volumeDirectory: string }) {
  return {
    host: variable("HOST", "127.0.0.1", listeningAddress),
    port: integer("PORT", defaults.port, { min: 0, max: 65_535 }),
    metricsHost: text("METRICS_HOST", undefined),
    metricsPort: metricsPort(defaults.metricsPort),
    volumeDirectory: variable("VOLUME_DIR", defaults.volumeDirectory, (path) => resolve(path)),
    auth: oneOf("AUTH", ["none", "token"], undefined),
    logLevel: oneOf("LOG_LEVEL", ["trace", "debug", "info", "warn", "error", "fatal", "silent"], "info"),
    logFormat: oneOf("LOG_FORMAT", ["pretty", "json"], undefined),
    shutdownDelayMs: milliseconds("SHUTDOWN_DELAY_MS", 0),
    shutdownGraceMs: milliseconds("SHUTDOWN_GRACE_MS", 25_000),
    trustProxy: list("TRUST_PROXY", proxyNetwork),
    durability: oneOf("DURABILITY", ["full", "relaxed"], "full"),
    minFreeBytes: bytes("MIN_FREE_BYTES", 64 * 2 ** 20),
  } satisfies Variables;
}

/** What both services are configured with. */
export type ServiceConfig = ConfigOf<ReturnType<typeof serviceVariables>>;

/** The rules between the variables that both services know. */
export const serviceRules: readonly ((config: ServiceConfig) => string | undefined)[] = [
  ({ auth }) =>
    auth === "token"
      ? "AUTH=token is not available in this release; set AUTH=none to serve everybody who can reach the port."
      : undefined,
  ({ auth, host }) =>
    auth === undefined && !isLoopback(host)
      ? `HOST ${host} can be reached from other machines and nothing would ask who they are: ` +
        "set AUTH=none if everybody who can reach the port may read, write and delete, or HOST=127.0.0.1."
      : undefined,
];

/**
 * Fastify listens on both addresses of `localhost`, by a second server that knows nothing of how this one treats a body,
 * an unreadable request or its end.
 */
function listeningAddress(host: string): string {
  return host === "localhost" ? "127.0.0.1" : host;
}

/** Whether an address to listen on is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Judges an address block such as `10.0.0.0/8`, or a single address.
 *
 * @throws an Error that says what would be right
 */
export function network(value: string): string {
  const [address = "", prefix, ...rest] = value.split("/");
  const family = isIP(address);
  const bits = family === 6 ? 128 : 32;
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  const isAddress = family !== 0 && !address.includes("%"); // a zone is this machine's own and in no address
  if (isAddress && isPrefix && rest.length === 0) return value;
  throw new Error(`must be addresses or blocks such as 10.0.0.0/8 or fd00::/8, not "${value}".`);
}

/** To trust every address is to believe whoever asks. */
function proxyNetwork(value: string): string {
  if (/\/0+$/.test(value)) throw new Error(`must be the proxies' own addresses or blocks, not "${value}".`);
  return network(value);
}

/** The set of addresses in blocks that {@link network} has judged. */
export function addressSet(networks: readonly string[]): BlockList {
  const set = new BlockList();
  for (const each of networks) {
    const [address = "", prefix] = each.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    set.addSubnet(address, Number(prefix ?? (family === "ipv6" ? 128 : 32)), family);
  }
  return set;
}

/** Unlike elsewhere, empty is not unset here: it turns the port off. */
function metricsPort(fallback: number): Variable<number | undefined> {
  const port = integer("METRICS_PORT", fallback, { min: 0, max: 65_535 });
  return { name: port.name, read: (value) => (value === "" ? undefined : port.read(value)) };
}
