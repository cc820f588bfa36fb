import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { onTestFinished } from "vitest";

import { temporaryFolder } from "./folder.ts";

/** A server's certificate, and the key to it. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Whether `openssl`, which makes the certificates, is here. */
export const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

export interface Authority {
  /** Its own certificate, in PEM, and where that lies. */
  readonly authority: string;
  readonly file: string;
  /** For 127.0.0.1 and localhost, signed by it. */
  readonly certificate: Certificate;
}

/** A certificate authority of one's own. */
export async function createAuthority(): Promise<Authority> {
  const folder = await temporaryFolder();
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...curve,
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
    "-subj",
    "/CN=Test CA",
  );
  openssl("req", ...curve, "-keyout", file("key.pem"), "-out", file("request.pem"), "-subj", "/CN=127.0.0.1");
  writeFileSync(file("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost");
  const authority = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial"];
  openssl(
    "x509",
    "-req",
    "-in",
    file("request.pem"),
    ...authority,
    "-extfile",
    file("names"),
    "-out",
    file("cert.pem"),
  );
  const certificate = { cert: readFileSync(file("cert.pem")), key: readFileSync(file("key.pem")) };
  return { authority: readFileSync(file("ca.pem"), "utf8"), file: file("ca.pem"), certificate };
}

/** A real server that speaks TLS, on a free port of the loopback; closed when the test ends. */
export async function startTlsOrigin(certificate: Certificate, answer: RequestListener): Promise<string> {
  const server = createServer(certificate, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
