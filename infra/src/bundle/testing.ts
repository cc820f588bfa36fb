import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** A registry, an apt repository and release files, made up for a test and served on a port of this machine. */
export class Origin implements AsyncDisposable {
  /** Paths, with what is served there. */
  readonly served = new Map<string, { readonly type: string; readonly body: Buffer }>();
  /** Everything that was asked for. */
  readonly asked: string[] = [];
  /** With one, the registry answers 401 to whoever does not bring it, and says where it is given. */
  token: string | undefined;
  /** With one, whoever does not bring it is answered 401: `Basic …`. */
  authorization: string | undefined;
  /** Paths of which one answer breaks off halfway. */
  readonly breaking = new Set<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  static async start(): Promise<Origin> {
    const origin = new Origin();
    await new Promise<void>((resolve) => origin.#server.listen(0, "127.0.0.1", resolve));
    return origin;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  file(path: string, body: string | Buffer, type = "application/octet-stream"): string {
    this.served.set(path, { type, body: Buffer.from(body) });
    return sha256(body);
  }

  /** An image with one layer for each of two architectures, below an index; `name` may hold folders. */
  image(name: string, tag: string): void {
    const manifests = ["arm64", "amd64"].map((architecture) => {
      const blobs = [JSON.stringify({ architecture, name }), gzipSync(`${name} for ${architecture}`)];
      const [config, layer] = blobs.map((blob) => {
        const digest = `sha256:${sha256(blob)}`;
        this.file(`/v2/${name}/blobs/${digest}`, blob);
        return { mediaType: "application/octet-stream", digest, size: blob.length };
      });
      return this.#manifest(
        name,
        undefined,
        "application/vnd.oci.image.manifest.v1+json",
        { config, layers: [layer] },
        architecture,
      );
    });
    this.#manifest(name, tag, "application/vnd.oci.image.index.v1+json", { manifests });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url ?? "", "http://host").pathname;
    this.asked.push(path);
    const { token } = this;
    const found = this.served.get(path);
    if (this.authorization !== undefined && request.headers.authorization !== this.authorization) {
      response.writeHead(401, { "www-authenticate": "Basic" }).end();
    } else if (found !== undefined && this.breaking.delete(path)) {
      response.writeHead(200, { "content-length": found.body.length });
      response.write(found.body.subarray(0, 1), () => response.destroy());
    } else if (path === "/token") {
      response.end(JSON.stringify({ token }));
    } else if (
      path.startsWith("/v2/") &&
      token !== undefined &&
      request.headers.authorization !== `Bearer ${token}`
    ) {
      const scope = `repository:${path.split("/")[2] ?? ""}:pull`;
      const challenge = `Bearer realm="${this.url}/token",service="trial",scope="${scope}"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    } else if (found === undefined) {
      response.writeHead(404).end();
    } else {
      response
        .writeHead(200, { "content-type": found.type, "content-length": found.body.length })
        .end(found.body);
    }
  }

  #manifest(name: string, tag: string | undefined, mediaType: string, body: object, architecture?: string) {
    const text = JSON.stringify({ schemaVersion: 2, mediaType, ...body });
    const digest = `sha256:${sha256(text)}`;
    for (const reference of [digest, tag]) {
      if (reference !== undefined) this.file(`/v2/${name}/manifests/${reference}`, text, mediaType);
    }
    return { mediaType, digest, size: text.length, platform: { os: "linux", architecture } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}
