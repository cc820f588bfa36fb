import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";

import type { Architecture } from "../profiles/profile.ts";
import { BundleError } from "./errors.ts";
import { apiOf, parseReference, type Reference } from "./reference.ts";
import { ask, credentialsFor, download, refused, type Web } from "./web.ts";

/** OCI image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

interface Manifest {
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

const INDEX = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFEST = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** Copies images from registries into an OCI image layout, one platform of each (OCI distribution-spec, "Pull"). */
export class RegistryClient {
  readonly #web: Web;
  readonly #mirrors: Readonly<Record<string, string>>;
  readonly #architecture: Architecture;
  /** What a registry gave for reading one repository, by its API and name. */
  readonly #tokens = new Map<string, string>();

  constructor(web: Web, mirrors: Readonly<Record<string, string>>, architecture: Architecture) {
    this.#web = web;
    this.#mirrors = mirrors;
    this.#architecture = architecture;
  }

  /**
   * Puts the blobs of an image where a layout has them, `blobs/sha256`; those that are there are not asked for again.
   *
   * @param place the file of the blob with this digest, in hexadecimal digits
   * @returns the manifest's descriptor, for the layout's index
   * @throws {BundleError} when a registry does not have it, or gives something else
   */
  async copy(image: string, place: (digest: string) => string): Promise<Descriptor> {
    const reference = parseReference(image);
    const { bytes, descriptor } = await this.#manifest(reference, image);
    const { config, layers } = JSON.parse(bytes.toString()) as Manifest;
    await Promise.all(
      [config, ...layers].map(async ({ digest }) => {
        const sum = hex(digest);
        const path = `blobs/${digest}`;
        const url = this.#url(reference, path);
        await download(this.#web, url, place(sum), sum, () => this.#ask(reference, path));
      }),
    );
    await writeFile(place(hex(descriptor.digest)), bytes);
    return descriptor;
  }

  /** The manifest of this platform: the one that the tag names, or one of the index that it names. */
  async #manifest(reference: Reference, image: string): Promise<{ bytes: Buffer; descriptor: Descriptor }> {
    const { bytes, mediaType } = await this.#read(reference, reference.tag);
    if (!INDEX.includes(mediaType)) return { bytes, descriptor: described(bytes, mediaType) };
    const { manifests } = JSON.parse(bytes.toString()) as { manifests: readonly Descriptor[] };
    const found = manifests.find(
      ({ platform }) => platform?.os === "linux" && platform.architecture === this.#architecture,
    );
    if (found === undefined) throw new BundleError(`${image} is not there for linux/${this.#architecture}`);
    const one = await this.#read(reference, found.digest);
    const descriptor = described(one.bytes, one.mediaType);
    if (descriptor.digest !== found.digest)
      throw new BundleError(`${image}: the registry gave another manifest`);
    return { bytes: one.bytes, descriptor };
  }

  async #read(reference: Reference, name: string): Promise<{ bytes: Buffer; mediaType: string }> {
    const response = await this.#ask(reference, `manifests/${name}`, {
      accept: [...INDEX, ...MANIFEST].join(", "),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const stated = (JSON.parse(bytes.toString()) as { mediaType?: string }).mediaType;
    const mediaType = stated ?? response.headers.get("content-type")?.split(";")[0] ?? "";
    if (![...INDEX, ...MANIFEST].includes(mediaType)) {
      throw new BundleError(`${response.url} is of a kind that this program does not know: ${mediaType}`);
    }
    return { bytes, mediaType };
  }

  #url({ host, repository }: Reference, path: string): string {
    return `${apiOf(host, this.#mirrors)}/${repository}/${path}`;
  }

  async #ask(reference: Reference, path: string, headers: Record<string, string> = {}): Promise<Response> {
    const url = this.#url(reference, path);
    const key = this.#url(reference, "");
    const token = this.#tokens.get(key);
    let response = await ask(
      this.#web,
      url,
      token === undefined ? headers : { ...headers, authorization: token },
    );
    const challenge = response.headers.get("www-authenticate") ?? "";
    if (response.status === 401 && token === undefined && /^bearer /i.test(challenge)) {
      await response.body?.cancel();
      const fresh = `Bearer ${await this.#token(challenge, credentialsFor(this.#web, url))}`;
      this.#tokens.set(key, fresh);
      response = await ask(this.#web, url, { ...headers, authorization: fresh });
    }
    if (response.ok) return response;
    await response.body?.cancel();
    throw refused(url, response);
  }

  /** distribution, spec/auth/token: `Bearer realm="https://auth.docker.io/token",service="…",scope="…"`. */
  async #token(challenge: string, credentials: Record<string, string>): Promise<string> {
    const fields = new Map(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
    );
    const realm = fields.get("realm");
    if (realm === undefined)
      throw new BundleError(`a registry asks for who one is, but not where to say it: ${challenge}`);
    const query = new URLSearchParams([...fields].filter(([key]) => key === "service" || key === "scope"));
    const response = await ask(this.#web, `${realm}?${query.toString()}`, credentials);
    if (!response.ok) throw refused(realm, response);
    const given = (await response.json()) as { token?: string; access_token?: string };
    const token = given.token ?? given.access_token;
    if (token === undefined) throw new BundleError(`${realm} gives no token`);
    return token;
  }
}

function described(bytes: Buffer, mediaType: string): Descriptor {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}

function hex(digest: string): string {
  const [, sum] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (sum === undefined) throw new BundleError(`"${digest}" is no digest of SHA-256`);
  return sum;
}
