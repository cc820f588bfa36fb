import { lookup as systemLookup, type LookupAddress, type LookupOptions } from "node:dns";
import { isIP, type LookupFunction, type Socket } from "node:net";

import { buildConnector } from "undici";

import { AddressForbiddenError } from "./errors.ts";
import { isPermittedAddress, type GuardPolicy } from "./guard.ts";

/** How a name is resolved: all of its addresses. */
export type ResolveAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface ConnectorOptions {
  readonly timeoutMs: number;
  readonly resolve?: ResolveAll;
}

/**
 * Makes connections to permitted addresses only, judging three times: a host that is an address, which Node never looks
 * up; every address a name resolves to; and the address that was connected to, before a byte is sent.
 */
export function guardedConnector(policy: GuardPolicy, options: ConnectorOptions): buildConnector.connector {
  const { timeoutMs, resolve = systemLookup } = options;
  // It returns the socket it has begun to connect, which its types do not say.
  const connect = buildConnector({
    timeout: timeoutMs,
    allowH2: false,
    lookup: permittedOnly(resolve, policy),
  }) as unknown as (...args: Parameters<buildConnector.connector>) => Socket;

  return (target, callback) => {
    const forbidden = refusalOf(target, policy);
    if (forbidden) return callback(forbidden, null);
    const socket = connect(target, callback);
    // Before all other listeners: a TLS socket's own first one sends the handshake.
    socket.prependOnceListener("connect", () => {
      if (!isPermittedAddress(socket.remoteAddress ?? "", policy)) socket.destroy(refusal(policy));
    });
  };
}

/** Why a host that is an address may not be connected to; undefined when it may, or when only a resolver can tell. */
export function refusalOf(
  { hostname }: Pick<buildConnector.Options, "hostname">,
  policy: GuardPolicy,
): AddressForbiddenError | undefined {
  return isIP(hostname) === 0 || isPermittedAddress(hostname, policy) ? undefined : refusal(policy);
}

function refusal(policy: GuardPolicy): AddressForbiddenError {
  policy.onRefusal?.();
  return new AddressForbiddenError();
}

/** Resolves a name to those of its addresses that are permitted. */
function permittedOnly(resolve: ResolveAll, policy: GuardPolicy): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, []);
      const permitted = addresses.filter(({ address }) => isPermittedAddress(address, policy));
      const [first] = permitted;
      if (!first) return callback(refusal(policy), []);
      if (options.all) return callback(null, permitted);
      return callback(null, first.address, first.family);
    });
  };
}
