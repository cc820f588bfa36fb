import { createSecretKey, type KeyObject } from "node:crypto";

import { bytes, variable, type Environment, type Variable } from "@wharf/service";

/** A key that can be guessed signs nothing (RFC 2104 §3 advises the length of the hash; this is the least). */
const LEAST_KEY_BYTES = 16;
/** Below it one chunk from the network is waited for longer than a minute. */
const LEAST_SPEED = 1024;

/** Where Postgres is. The URL may hold a password and is never repeated. */
export function postgresUrl(name: string): Variable<string | undefined> {
  return variable(name, undefined, (value) => {
    const protocol = URL.parse(value)?.protocol;
    if (protocol === "postgres:" || protocol === "postgresql:") return value;
    throw new Error("must be a URL such as postgres://user:password@host:5432/database.");
  });
}

/** Bytes a second; null for no limit. */
export function speed(name: string): Variable<number | null> {
  const size = bytes(name, Infinity);
  return variable(name, null, (value) => {
    const bytesPerSecond = size.read(value);
    if (bytesPerSecond >= LEAST_SPEED) return bytesPerSecond;
    throw new Error(`must be at least 1k (bytes a second), not "${value}".`);
  });
}

/** Ports, or `*` for any. */
export function ports(name: string, fallback: readonly number[]): Variable<readonly number[] | "any"> {
  return variable(name, fallback, (value) => {
    if (value.trim() === "*") return "any";
    return value.split(",").map((part) => {
      const port = /^\d{1,5}$/.test(part.trim()) ? Number(part) : NaN;
      if (port >= 1 && port <= 65_535) return port;
      throw new Error(`must be ports such as 80,443, or * for any, not "${value}".`);
    });
  });
}

/** A proxy's URL, which may hold credentials and is never repeated. */
export function proxyUrl(name: string): Variable<URL | undefined> {
  return variable(name, undefined, (value) => {
    const url = URL.parse(value);
    if (url && isProxyUrl(url)) return url;
    throw new Error("must be an http:// or https:// URL such as http://proxy.example:3128.");
  });
}

function isProxyUrl({ protocol, pathname, search, hash, username, password }: URL): boolean {
  const isHttp = protocol === "http:" || protocol === "https:";
  return isHttp && pathname + search + hash === "/" && isEncoded(username) && isEncoded(password);
}

/** A `%` that encodes nothing is no part of credentials. */
function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * A secret to sign with: any text, or what Standard Webhooks calls one, `whsec_` and base64. What becomes of it does not
 * show in a log.
 */
export function signingKey(name: string): Variable<KeyObject | undefined> {
  return variable(name, undefined, (value) => {
    const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value) ?? [];
    const key = encoded === undefined ? Buffer.from(value) : Buffer.from(encoded, "base64");
    if (key.length >= LEAST_KEY_BYTES) return createSecretKey(key);
    throw new Error(`must be at least ${LEAST_KEY_BYTES} bytes; openssl rand -base64 32 makes a good one.`);
  });
}

/** Hosts, separated by commas or blanks; what they mean is for others to say. */
export function hosts(name: string): Variable<readonly string[]> {
  return variable(name, Object.freeze([]), (value) =>
    Object.freeze(value.split(/[\s,]+/).filter((host) => host !== "")),
  );
}

/** As in curl, wget and undici, the lower-case form of a proxy's variable wins, even when it is empty. */
export function preferLowerCase(env: Environment, names: readonly string[]): Environment {
  return { ...env, ...Object.fromEntries(names.map((name) => [name, env[name.toLowerCase()] ?? env[name]])) };
}
