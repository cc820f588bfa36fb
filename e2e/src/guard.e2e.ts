import { createServer, type RequestListener } from "node:http";
import { createServer as createListener, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { download, submit, type Download } from "./harness/downloads.ts";
import { json } from "./harness/http.ts";
import { describeWith, linux, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { useService } from "./harness/service.ts";

/** Ways to write an address of this machine, its network, or a cloud's own services. `PORT` is an allowed one. */
const LITERALS = [
  "http://127.0.0.1:PORT/",
  "http://2130706433:PORT/",
  "http://0x7f.1:PORT/",
  "http://0x7f000001:PORT/",
  "http://0177.0.0.1:PORT/",
  "http://127.1:PORT/",
  "http://127.0.0.1.:PORT/",
  "http://0:PORT/",
  "http://0.0.0.0:PORT/",
  "http://１２７.０.０.１:PORT/",
  "http://127。0。0。1:PORT/",
  "http://%31%32%37.0.0.1:PORT/",
  "http://[::]:PORT/",
  "http://[::1]:PORT/",
  "http://[::127.0.0.1]:PORT/",
  "http://[::ffff:7f00:1]:PORT/",
  "http://[::ffff:127.0.0.1]:PORT/",
  "http://[::ffff:0:127.0.0.1]:PORT/",
  "http://[2002:7f00:1::]:PORT/",
  "http://[64:ff9b::7f00:1]:PORT/",
  "http://[64:ff9b::127.0.0.1]:PORT/",
  "http://[2001:0:7f00:1::]:PORT/",
  "http://[fe80::1]:PORT/",
  "http://[fd00:ec2::254]:PORT/",
  "http://[ff02::1]:PORT/",
  "http://169.254.169.254/latest/meta-data/",
  "http://100.100.100.200/latest/meta-data/",
  "http://168.63.129.16/",
  "http://10.0.0.1/",
  "http://172.16.0.1/",
  "http://192.168.0.1/",
  "http://100.64.0.1/",
  "http://192.0.2.1/",
  "http://198.18.0.1/",
  "http://224.0.0.1/",
  "http://255.255.255.255/",
];
const NAMES = [
  "http://localhost:PORT/",
  "http://LOCALHOST:PORT/",
  "http://localhost.:PORT/",
  "http://a.localhost:PORT/",
  "http://router/",
  "http://kubernetes.:PORT/",
];
const FORMS = [
  "http://user@127.0.0.1:PORT/",
  "http://user:password@e2e.invalid/",
  "ftp://127.0.0.1/file",
  "file:///etc/passwd",
  "gopher://127.0.0.1:PORT/",
  "data:text/plain,hello",
  "http://e2e.invalid:22/",
  "http://e2e.invalid:3000/",
];
const MALFORMED = [
  "//127.0.0.1:PORT/",
  "http:\\\\127.0.0.1:PORT\\",
  "http://127.0.0.1\\@e2e.invalid/",
  "not a url",
  "",
  "http://",
];

/** A listener that counts who connects. */
async function listen(
  host: string,
  port: number,
): Promise<{ server: Server; port: number; count: () => number } | undefined> {
  let connections = 0;
  const server = createListener((socket) => {
    connections++;
    socket.on("error", () => undefined).destroy();
  });
  const isListening = await new Promise<boolean>((done) => {
    server.once("error", () => done(false));
    server.listen(port, host, () => done(true));
  });
  if (!isListening) return undefined;
  return { server, port: (server.address() as AddressInfo).port, count: () => connections };
}

/** A free port of those that are allowed by default, so that it is not the port that is refused; 0 for none. */
async function freeAllowedPort(): Promise<number> {
  for (const port of [8443, 443, 80]) {
    const listener = await listen("127.0.0.1", port);
    if (!listener) continue;
    await new Promise((closed) => void listener.server.close(closed));
    return port;
  }
  return 0;
}

const allowedPort = await freeAllowedPort();
const noPort =
  allowedPort === 0 ? "needs one of the ports 8443, 443 and 80 of 127.0.0.1 to itself" : undefined;

describeWith("the downloader's guard", [ownServices, linux, noPort], () => {
  const configured = {
    "as it is by default": {},
    "with every port allowed": { ALLOW_PORTS: "*" },
  };

  describe.each(Object.entries(configured))("%s", (_name, env) => {
    const downloader = useService("downloader", env);
    const listeners: NonNullable<Awaited<ReturnType<typeof listen>>>[] = [];
    let port = 0;
    beforeAll(async () => {
      const listener = await listen("127.0.0.1", "ALLOW_PORTS" in env ? 0 : allowedPort);
      if (!listener) throw new Error("the port was taken meanwhile");
      port = listener.port;
      listeners.push(listener);
      const sixth = await listen("::1", port);
      if (sixth) listeners.push(sixth);
    });
    afterAll(() => listeners.forEach(({ server }) => server.close()));
    const connections = (): number => listeners.reduce((sum, { count }) => sum + count(), 0);

    it.each([...LITERALS, ...NAMES])("%s is refused at submission, and nothing connected to", async (url) => {
      const answer = await submit(downloader.url, { url: url.replace("PORT", String(port)) });
      expect({ status: answer.status, body: answer.body.toString() }).toMatchObject({ status: 422 });
      expect(json(answer)).toMatchObject({ status: 422, code: "URL_FORBIDDEN" });
      expect(connections()).toBe(0);
    });

    it.each(FORMS.filter((url) => !("ALLOW_PORTS" in env && /e2e\.invalid:/.test(url))))(
      "%s is refused for its form",
      async (url) => {
        const answer = await submit(downloader.url, { url: url.replace("PORT", String(port)) });
        expect(answer.status).toBe(422);
        expect(json(answer)).toMatchObject({ code: "URL_FORBIDDEN" });
        expect(connections()).toBe(0);
      },
    );

    it.each(MALFORMED)("%j is no URL", async (url) => {
      const answer = await submit(downloader.url, { url: url.replace("PORT", String(port)) });
      expect(answer.status).toBe(400);
      expect(json(answer)).toMatchObject({
        code: expect.stringMatching(/^(?:URL_INVALID|INVALID_REQUEST)$/) as string,
      });
      expect(connections()).toBe(0);
    });

    it("a port of its own is refused like any", async () => {
      const answer = await submit(downloader.url, { url: `${downloader.url}/stats` });
      expect(json(answer)).toMatchObject({ status: 422, code: "URL_FORBIDDEN" });
    });

    it("an array is judged element by element, and nothing connected to", async () => {
      const answer = await submit(
        downloader.url,
        LITERALS.map((url) => ({ url: url.replace("PORT", String(port)) })),
      );
      expect(answer.status).toBe(200);
      const { results } = json(answer) as { results: { status: number; problem: { code: string } }[] };
      expect(results.map(({ status, problem }) => `${status} ${problem.code}`)).toEqual(
        LITERALS.map(() => "422 URL_FORBIDDEN"),
      );
      expect(connections()).toBe(0);
    });
  });

  describe("where one network is allowed", () => {
    const downloader = useService("downloader", {
      ALLOW_NETWORKS: "127.0.0.2/32",
      ALLOW_PORTS: "*",
      MAX_ATTEMPTS: "2",
    });
    let location = "";
    const redirect: RequestListener = (request, response) => {
      if (request.url === "/allowed") response.end("allowed");
      else response.writeHead(302, { location }).end();
    };
    const origin = createServer(redirect);
    let originUrl = "";
    let listener: Awaited<ReturnType<typeof listen>>;
    beforeAll(async () => {
      await new Promise<void>((done) => void origin.listen(0, "127.0.0.2", done));
      originUrl = `http://127.0.0.2:${(origin.address() as AddressInfo).port}`;
      listener = await listen("127.0.0.1", 0);
    });
    afterAll(() => {
      origin.close();
      listener?.server.close();
    });

    const outcome = async (url: string): Promise<Download> => {
      const answer = await submit(downloader.url, { url });
      expect({ status: answer.status, body: answer.body.toString() }).toMatchObject({ status: 201 });
      const { id } = json(answer) as Download;
      let seen = await download(downloader.url, id);
      await until(
        "it has ended",
        async () => {
          seen = await download(downloader.url, id);
          return ["completed", "failed"].includes(seen.state);
        },
        20_000,
      );
      return seen;
    };

    it("what is in it is fetched", async () => {
      expect(await outcome(`${originUrl}/allowed`)).toMatchObject({
        state: "completed",
        filename: "allowed",
      });
    });

    it.each([
      "http://127.0.0.1:PORT/secret",
      "http://2130706433:PORT/secret",
      "//127.0.0.1:PORT/secret",
      "http://[::ffff:7f00:1]:PORT/secret",
      "http://[::1]:PORT/secret",
      "http://0.0.0.0:PORT/secret",
      "http://user@127.0.0.1:PORT/secret",
      "http://169.254.169.254/secret",
      "file:///etc/passwd",
    ])("a redirect to %s is refused, and nothing connected to", async (to) => {
      location = to.replace("PORT", String(listener?.port));
      const { state, error } = await outcome(`${originUrl}/redirect`);
      expect({ state, error }).toMatchObject({ state: "failed", error: { code: "ADDRESS_FORBIDDEN" } });
      // What is there is not told.
      expect(error?.detail).not.toMatch(/127\.0\.0\.1|169\.254|passwd/);
      expect(listener?.count()).toBe(0);
    });

    it.each(["http://localhost:PORT/secret", "http://localhost.:PORT/secret"])(
      "%s, a name of an address that is not in it, is refused once it is resolved",
      async (url) => {
        const { state, error } = await outcome(url.replace("PORT", String(listener?.port)));
        expect(state).toBe("failed");
        // Not every machine resolves it with its last dot.
        expect(url.includes("t.:") ? ["ADDRESS_FORBIDDEN", "NAME_UNKNOWN"] : ["ADDRESS_FORBIDDEN"]).toContain(
          error?.code,
        );
        expect(listener?.count()).toBe(0);
      },
    );
  });
});
