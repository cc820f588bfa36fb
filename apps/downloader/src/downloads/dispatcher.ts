import { Agent, type Dispatcher } from "undici";

import { guardedConnector, refusalOf } from "./connector.ts";
import { proxyAuthorization, proxySelector, type ProxySelector, type ProxySettings } from "./proxies.ts";
import { proxyConnector, proxyRefusal } from "./proxy-connector.ts";
import type { GuardPolicy } from "./guard.ts";

export interface DispatcherOptions extends ProxySettings {
  readonly connectTimeoutMs: number;
  /** Connections to one origin. */
  readonly maxPerHost: number;
}

/**
 * The way to all servers: one pool of connections for each origin, made through the guard, or by way of the operator's
 * proxy, which is what resolves names then. HTTP/1.1, which carries one stream faster.
 */
export function createDispatcher(options: DispatcherOptions, policy: GuardPolicy): Dispatcher {
  const { connectTimeoutMs: timeoutMs, maxPerHost: connections } = options;
  const proxyFor = proxySelector(options);
  const connectDirectly = guardedConnector(policy, { timeoutMs });
  const connectByProxy = proxyConnector(timeoutMs);
  const agent = new Agent({
    connect: (target, callback) => {
      const proxy = proxyFor(target);
      if (!proxy) return connectDirectly(target, callback);
      const refusal = refusalOf(target, policy);
      if (refusal) return callback(refusal, null);
      connectByProxy(proxy, target, callback);
    },
    connections,
    allowH2: false,
  });
  return options.httpProxy ? agent.compose(askForWholeUrls(proxyFor)) : agent;
}

/** What is asked of a proxy rather than of an origin is a whole URL (RFC 9112 §3.2.2), and tells who asks. */
function askForWholeUrls(proxyFor: ProxySelector): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const origin = new URL(options.origin ?? "");
    const proxy = origin.protocol === "http:" ? proxyFor(origin) : undefined;
    if (!proxy) return dispatch(options, handler);
    const headers = options.headers as Readonly<Record<string, string>>; // in no other form here
    const authorization = proxyAuthorization(proxy);
    const sent = {
      ...options,
      path: origin.origin + options.path,
      headers: { ...headers, ...(authorization !== undefined && { "proxy-authorization": authorization }) },
    };
    return dispatch(sent, new ProxyAnswer(handler));
  };
}

/** Passes on everything but a 407 (RFC 9110 §15.5.8), which is the proxy's word and no origin's. */
class ProxyAnswer implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler;
  }

  onRequestStart(...event: Parameters<Required<Dispatcher.DispatchHandler>["onRequestStart"]>): void {
    this.#handler.onRequestStart?.(...event);
  }

  onResponseStart(...event: Parameters<Required<Dispatcher.DispatchHandler>["onResponseStart"]>): void {
    const [controller, status] = event;
    if (status === 407) controller.abort(proxyRefusal(status));
    else this.#handler.onResponseStart?.(...event);
  }

  onResponseData(...event: Parameters<Required<Dispatcher.DispatchHandler>["onResponseData"]>): void {
    this.#handler.onResponseData?.(...event);
  }

  onResponseEnd(...event: Parameters<Required<Dispatcher.DispatchHandler>["onResponseEnd"]>): void {
    this.#handler.onResponseEnd?.(...event);
  }

  onResponseError(...event: Parameters<Required<Dispatcher.DispatchHandler>["onResponseError"]>): void {
    this.#handler.onResponseError?.(...event);
  }
}
