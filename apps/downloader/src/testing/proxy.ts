import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";

import { onTestFinished } from "vitest";

import type { Certificate } from "./certificates.ts";

export interface TestProxy {
  /** With the credentials it asks for. */
  readonly url: string;
  /** What it was asked for: `CONNECT host:port`, `GET http://...`. */
  readonly asked: readonly string[];
  /** The `Proxy-Authorization` of each request. */
  readonly authorizations: readonly (string | undefined)[];
}

export interface ProxyOptions {
  /** `user:password` */
  readonly credentials?: string;
  /** Answers every request with it, instead of passing it on. */
  readonly status?: number;
  /** Takes a CONNECT, and says nothing. */
  readonly isMute?: boolean;
  /** Makes every tunnel to this port of the loopback, whatever was asked for. */
  readonly leadsTo?: number;
  /** Speaks TLS with it. */
  readonly certificate?: Certificate;
}

/** A real proxy on a free port of the loopback: tunnels for CONNECT, and whole URLs; closed when the test ends. */
export async function startProxy(options: ProxyOptions = {}): Promise<TestProxy> {
  const { credentials, status, isMute = false, leadsTo, certificate } = options;
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();

  const judge = (request: IncomingMessage): number | undefined => {
    asked.push(`${request.method} ${request.url}`);
    const authorization = request.headers["proxy-authorization"];
    authorizations.push(authorization);
    const expected = `Basic ${Buffer.from(credentials ?? "").toString("base64")}`;
    return credentials !== undefined && authorization !== expected ? 407 : status;
  };
  const forward = (request: IncomingMessage, response: ServerResponse): void => {
    const refusal = judge(request);
    if (refusal !== undefined) return void response.writeHead(refusal).end("no");
    const { "proxy-authorization": _own, ...headers } = request.headers;
    const onward = httpRequest(request.url ?? "", { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.writeHead(502).end());
    request.pipe(onward);
  };
  const server = certificate ? createTlsServer(certificate, forward) : createServer(forward);
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("connect", (request: IncomingMessage, client: Socket) => {
    client.on("error", () => undefined);
    const refusal = judge(request);
    if (isMute) return;
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 2\r\n\r\nno`);
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const host = leadsTo === undefined ? hostname.replace(/^\[|\]$/g, "") : "127.0.0.1";
    const onward = connect(leadsTo ?? Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      onward.pipe(client).pipe(onward);
    });
    sockets.add(onward);
    onward.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const userinfo = credentials === undefined ? "" : `${credentials}@`;
  return { url: `${certificate ? "https" : "http"}://${userinfo}127.0.0.1:${port}`, asked, authorizations };
}
