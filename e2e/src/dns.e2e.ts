import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { answer, inTurn, respond, serve, type Version } from "./harness/answers.ts";
import { noiseBuffer, sha256 } from "./harness/content.ts";
import { download, submit, type Download, type Result } from "./harness/downloads.ts";
import { enclose, enclosing, type Enclosure } from "./harness/enclosure.ts";
import { useFolder } from "./harness/folder.ts";
import { json, send } from "./harness/http.ts";
import { MisbehavingOrigin, type Endpoint, type Script } from "./harness/misbehaving.ts";
import { describeWith, linux, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";

const PUBLIC = "93.184.216.34";
const PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946";
const SILENT = "93.184.216.35";
const FORBIDDEN = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"];
const MORE_FORBIDDEN = ["100.100.100.200", "168.63.129.16", "192.0.2.1", "198.18.0.1"];
const FORBIDDEN_6 = ["::1", "fd00:ec2::254", "2001:db8::1"];
const TRAPS = [...FORBIDDEN, ...MORE_FORBIDDEN, ...FORBIDDEN_6];
/** Nobody can have these; whoever connects to one is led to an IPv4 address, or nowhere. */
const TRANSLATED = ["::ffff:7f00:1", "::ffff:a01:203", "64:ff9b::7f00:1", "2002:7f00:1::1", "::7f00:1", "::"];

const FILE = { bytes: noiseBuffer(300_000, "dns"), etag: '"dns"' };
const BIG = { bytes: noiseBuffer(16 << 20, "dns-big"), etag: '"dns-big"' };
const good = { a: [PUBLIC] };
const bad = { a: ["10.1.2.3"] };

describeWith("names whose addresses change between look-ups", [ownServices, linux, enclosing()], () => {
  const sockets = useFolder();
  const volume = useFolder();
  const origin = new MisbehavingOrigin();
  let enclosure: Enclosure;
  let count = 0;

  beforeAll(async () => {
    enclosure = await enclose({
      folder: sockets.path,
      origin,
      publicAddresses: [PUBLIC, PUBLIC_6],
      forbiddenAddresses: TRAPS,
      silentAddresses: [SILENT],
      environment: {
        PORT: "0",
        METRICS_PORT: "",
        LOG_FORMAT: "json",
        FILESERVER_URL: "",
        VOLUME_DIR: volume.path,
        MAX_ATTEMPTS: "3",
        HEADERS_TIMEOUT_MS: "5000",
        STALL_TIMEOUT_MS: "5000",
        CONNECT_TIMEOUT_MS: "3000",
        WEBHOOK_SECRET: "e2e webhook secret of some length",
      },
    });
  });
  afterAll(async () => {
    await enclosure.close();
    await origin.close();
  });
  afterEach(() => {
    const trespasses = enclosure.trespasses.splice(0);
    if (trespasses.length > 0) throw new Error(`connected to ${trespasses.join(", ")}`);
  });

  /** A name of its own for each test. */
  function newName(): string {
    count++;
    return `host-${count}.e2e.example`;
  }

  function newEndpoint(script: Script): Endpoint {
    count++;
    return origin.serve(`case-${count}`, script);
  }

  async function begin(name: string, { path }: Endpoint, more: object = {}): Promise<string> {
    const answered = await submit(enclosure.url, { url: `http://${name}${path}file`, ...more });
    expect({ status: answered.status, body: answered.body.toString() }).toMatchObject({ status: 201 });
    return (json(answered) as Download).id;
  }

  async function end(id: string): Promise<Download> {
    let seen = await download(enclosure.url, id);
    await until(
      "it has ended",
      async () => {
        seen = await download(enclosure.url, id);
        return ["completed", "failed"].includes(seen.state);
      },
      60_000,
    );
    return seen;
  }

  async function outcome(name: string, endpoint: Endpoint, more: object = {}): Promise<string> {
    const { state, error } = await end(await begin(name, endpoint, more));
    return error ? `${state} ${error.code}` : state;
  }

  describe("downloads", () => {
    it.each([
      ["an IPv4 address", { a: [PUBLIC] }],
      ["an IPv6 address", { aaaa: [PUBLIC_6] }],
      ["both", { a: [PUBLIC], aaaa: [PUBLIC_6] }],
      ["an address behind two other names", { a: [PUBLIC], through: ["one.e2e.example", "two.e2e.example"] }],
    ])("a public name with %s is fetched from", async (_what, zone) => {
      const name = newName();
      enclosure.names.set(name, zone);
      const endpoint = newEndpoint(serve(FILE));
      expect(await outcome(name, endpoint)).toBe("completed");
      expect(endpoint.requests[0]?.headers["host"]).toBe(name);
    });

    it.each([
      ...[...FORBIDDEN, ...MORE_FORBIDDEN].map((address) => [address, { a: [address] }] as const),
      ...[...FORBIDDEN_6, ...TRANSLATED].map((address) => [address, { aaaa: [address] }] as const),
      ["several such", { a: ["10.1.2.3", "127.0.0.1"], aaaa: ["::1"] }] as const,
      ["one behind public names", { ...bad, through: ["one.e2e.example", "two.e2e.example"] }] as const,
    ])("a name of %s is refused", async (_what, zone) => {
      const name = newName();
      enclosure.names.set(name, zone);
      const seen = await end(await begin(name, newEndpoint(serve(FILE))));
      expect(seen).toMatchObject({ state: "failed", error: { code: "ADDRESS_FORBIDDEN" } });
      // What is there is not told.
      expect(seen.error?.detail).not.toMatch(/\d|::/);
      expect(enclosure.names.lookups(name)).toBeGreaterThan(0);
    });

    it.each([
      ["a private one first", { a: ["10.1.2.3", PUBLIC, "127.0.0.1"] }],
      ["a private one last", { a: [PUBLIC, "169.254.169.254"] }],
      ["a private IPv6 one", { a: [PUBLIC], aaaa: ["::1", "fd00:ec2::254"] }],
      ["a public IPv6 one and private IPv4 ones", { a: ["127.0.0.1", "10.1.2.3"], aaaa: [PUBLIC_6] }],
    ])("of public and private addresses, %s, only a public one is connected to", async (_what, zone) => {
      const name = newName();
      enclosure.names.set(name, zone);
      expect(await outcome(name, newEndpoint(serve(FILE)))).toBe("completed");
    });

    it("a private address is no way out when nobody listens at the public one", async () => {
      const name = newName();
      enclosure.names.set(name, { a: [SILENT, "10.1.2.3"], aaaa: ["::1"] });
      expect(await outcome(name, newEndpoint(serve(FILE)))).toBe("failed CONNECTION_FAILED");
    });

    it("a name that is public at submission and private when its time has come", async () => {
      const name = newName();
      enclosure.names.set(name, good);
      const notBefore = new Date(Date.now() + 1_500).toISOString();
      const endpoint = newEndpoint(serve(FILE));
      const id = await begin(name, endpoint, { notBefore });
      enclosure.names.set(name, bad);
      expect(await end(id)).toMatchObject({ state: "failed", error: { code: "ADDRESS_FORBIDDEN" } });
      expect(endpoint.requests).toEqual([]);
    });

    it("a name that changes between the hops of a redirect", async () => {
      const name = newName();
      enclosure.names.set(name, good, bad);
      const endpoint = newEndpoint(answer(302, { Location: "again" }));
      expect(await outcome(name, endpoint)).toBe("failed ADDRESS_FORBIDDEN");
      expect(endpoint.requests).toHaveLength(1);
    });

    it("a redirect to another name, which is private", async () => {
      const [name, other] = [newName(), newName()];
      enclosure.names.set(name, good);
      enclosure.names.set(other, bad);
      const endpoint = newEndpoint((exchange) =>
        respond(exchange, 302, { Location: `http://${other}${exchange.request.target}` }),
      );
      expect(await outcome(name, endpoint)).toBe("failed ADDRESS_FORBIDDEN");
      expect(enclosure.names.lookups(other)).toBeGreaterThan(0);
    });

    it("a name that changes between attempts", async () => {
      const name = newName();
      enclosure.names.set(name, good, bad);
      const endpoint = newEndpoint(inTurn(serve(FILE, { closeAfter: 100_000 }), serve(FILE)));
      expect(await outcome(name, endpoint)).toBe("failed ADDRESS_FORBIDDEN");
      expect(endpoint.requests).toHaveLength(1);
    });

    it("a name that changes between segments", async () => {
      const name = newName();
      enclosure.names.set(name, good, bad);
      const endpoint = newEndpoint(serve(BIG, { pace: { bytes: 128 * 1024, everyMs: 16 } }));
      expect(await outcome(name, endpoint, { segments: 4 })).toBe("completed");
      expect(enclosure.names.lookups(name)).toBeGreaterThan(1);
      expect(endpoint.requests).toHaveLength(1);
    });

    it("a name that changes back and forth", async () => {
      const name = newName();
      enclosure.names.set(name, ...Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? good : bad)));
      const endpoint = newEndpoint(serve(FILE));
      const seen: string[] = [];
      for (let n = 0; n < 6; n++) seen.push(await outcome(name, endpoint));
      const both = ["completed", "failed ADDRESS_FORBIDDEN"];
      expect(seen).toEqual([...both, ...both, ...both]);
    });

    it("a name that nobody knows", async () => {
      const name = newName();
      const seen = await end(await begin(name, newEndpoint(serve(FILE))));
      expect(seen.error).toEqual({
        code: "NAME_UNKNOWN",
        detail: expect.stringMatching(/name could not be resolved/) as string,
      });
    });
  });

  describe("webhooks", () => {
    const SETTLE_MS = 60_000;
    /** A download from a public name, whose end somebody is to be told of. */
    function outcomeWith(webhook: string): Promise<string> {
      const name = newName();
      enclosure.names.set(name, good);
      return outcome(name, newEndpoint(serve(FILE)), { webhook });
    }

    it("one of a public name is called", async () => {
      const name = newName();
      enclosure.names.set(name, good);
      const hook = newEndpoint(answer(204));
      expect(await outcomeWith(`http://${name}${hook.path}called`)).toBe("completed");
      await until("it was called", () => hook.requests.length > 0, SETTLE_MS);
      expect(hook.requests.map(({ method }) => method)).toEqual(["POST"]);
    });

    it.each([
      ...FORBIDDEN.map((address) => [address, { a: [address] }] as const),
      ["::1", { aaaa: ["::1"] }] as const,
    ])("one of a name of %s is not", async (_what, zone) => {
      const name = newName();
      enclosure.names.set(name, zone);
      expect(await outcomeWith(`http://${name}/trap`)).toBe("completed");
      await until("it was looked up", () => enclosure.names.lookups(name) > 0, SETTLE_MS);
    });

    it("one that has moved to a private address by its second call is not called there", async () => {
      const name = newName();
      enclosure.names.set(name, good, bad);
      const hook = newEndpoint(answer(503));
      expect(await outcomeWith(`http://${name}${hook.path}busy`)).toBe("completed");
      await until("it was looked up again", () => enclosure.names.lookups(name) > 1, SETTLE_MS);
      expect(hook.requests).toHaveLength(1);
    });

    it("one that redirects to a private name is not followed there", async () => {
      const [name, other] = [newName(), newName()];
      enclosure.names.set(name, good);
      enclosure.names.set(other, bad);
      const hook = newEndpoint(answer(307, { Location: `http://${other}/trap` }));
      expect(await outcomeWith(`http://${name}${hook.path}moved`)).toBe("completed");
      await until("it was called", () => hook.requests.length > 0, SETTLE_MS);
    });
  });

  describe("mirrors", () => {
    async function outcomeOfMirrors(urls: readonly string[], { bytes }: Version): Promise<string> {
      const list = urls.map((url, n) => `<url priority="${n + 1}">${url}</url>`).join("");
      const body =
        `<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink">` +
        `<file name="mirrored-${++count}"><size>${bytes.length}</size>` +
        `<hash type="sha-256">${sha256(bytes)}</hash>${list}</file></metalink>`;
      const answered = await send("POST", `${enclosure.url}/downloads`, {
        headers: { "content-type": "application/metalink4+xml" },
        body,
      });
      const { results } = json(answered) as { results: Result[] };
      const { state, error } = await end(results[0]?.download?.id ?? "");
      return error ? `${state} ${error.code}` : state;
    }

    it("a private one is passed over, and the next one used", async () => {
      const [name, other] = [newName(), newName()];
      enclosure.names.set(name, bad);
      enclosure.names.set(other, good);
      const { path } = newEndpoint(serve(FILE));
      const urls = [`http://${name}${path}file`, `http://${other}${path}file`];
      expect(await outcomeOfMirrors(urls, FILE)).toBe("completed");
      expect(enclosure.names.lookups(name)).toBeGreaterThan(0);
    });

    it("one that becomes private while the file is brought is not connected to again", async () => {
      const [name, other] = [newName(), newName()];
      enclosure.names.set(name, good, bad);
      enclosure.names.set(other, good, bad);
      const { path } = newEndpoint(serve(BIG, { pace: { bytes: 128 * 1024, everyMs: 16 } }));
      const urls = [`http://${name}${path}file`, `http://${other}${path}file`];
      expect(await outcomeOfMirrors(urls, BIG)).toBe("completed");
    });

    it("none that is public: refused", async () => {
      const [name, other] = [newName(), newName()];
      enclosure.names.set(name, bad);
      enclosure.names.set(other, { aaaa: ["::1"] });
      const { path } = newEndpoint(serve(FILE));
      const urls = [`http://${name}${path}file`, `http://${other}${path}file`];
      expect(await outcomeOfMirrors(urls, FILE)).toBe("failed ADDRESS_FORBIDDEN");
    });
  });
});
