import { request as httpRequest } from "node:http";
import type { Socket } from "node:net";

import { buildConnector } from "undici";

import { AttemptError } from "./errors.ts";
import { statusError } from "./failure.ts";
import { bareHost } from "./guard.ts";
import { proxyAuthorization } from "./proxies.ts";

type Target = buildConnector.Options;

/** Connects to a target by way of a proxy. */
export type ProxyConnector = (proxy: URL, target: Target, callback: buildConnector.Callback) => void;

/**
 * Makes connections by way of proxies: for `https` a tunnel (CONNECT, RFC 9110 §9.3.6) with TLS to the target inside; for
 * `http` the connection to the proxy itself, which is then asked for whole URLs.
 *
 * What goes wrong before the target is reached is told as {@link AttemptError} `PROXY_FAILED`, `PROXY_REFUSED`.
 *
 * @param timeoutMs for the proxy to be reached, for it to answer, and for the handshake with the target, each
 */
export function proxyConnector(timeoutMs: number): ProxyConnector {
  const connectToProxy = buildConnector({ timeout: timeoutMs, allowH2: false });
  const connectInside = buildConnector({ timeout: timeoutMs, allowH2: false });
  return (proxy, target, callback) => {
    const { host, hostname, port, protocol } = proxy;
    connectToProxy({ host, hostname: bareHost(hostname), port, protocol }, (error, socket) => {
      if (error) return callback(proxyFailure(error), null);
      if (target.protocol === "http:") return callback(null, socket);
      openTunnel(socket, proxy, target, timeoutMs, (failure) => {
        if (!failure) return connectInside({ ...target, httpSocket: socket }, callback);
        socket.destroy();
        callback(failure, null);
      });
    });
  };
}

/** The error for a proxy's refusal to reach a target; its 4xx are rules of its own, and stay as they are. */
export function proxyRefusal(status: number): AttemptError {
  const { message, isTransient } = statusError(status);
  const [, reason = String(status)] = /answered (.*)\.$/.exec(message) ?? [];
  return new AttemptError("PROXY_REFUSED", `The proxy refused the connection (${reason}).`, { isTransient });
}

/** Asks a proxy, on a connection to it, to be led on to the target. */
function openTunnel(
  socket: Socket,
  proxy: URL,
  target: Target,
  timeoutMs: number,
  callback: (failure?: AttemptError) => void,
): void {
  const host = target.hostname.includes(":") ? `[${target.hostname}]` : target.hostname;
  const authority = `${host}:${target.port || 443}`;
  const authorization = proxyAuthorization(proxy);
  const request = httpRequest({
    createConnection: () => socket,
    method: "CONNECT",
    path: authority,
    headers: {
      host: authority,
      ...(authorization !== undefined && { "proxy-authorization": authorization }),
    },
  });
  request.removeHeader("connection"); // Node would ask the proxy to close it
  const deadline = setTimeout(() => request.destroy(new Error("The proxy did not answer.")), timeoutMs);
  request.once("connect", ({ statusCode = 0 }) => {
    clearTimeout(deadline);
    if (statusCode >= 200 && statusCode <= 299) callback();
    else callback(proxyRefusal(statusCode));
  });
  request.once("error", (error) => {
    clearTimeout(deadline);
    callback(proxyFailure(error));
  });
  request.end();
}

function proxyFailure(cause: Error): AttemptError {
  const detail = "The proxy could not be reached, or broke off.";
  return new AttemptError("PROXY_FAILED", detail, { isTransient: true, cause });
}
