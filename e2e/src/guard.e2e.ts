import { createServer, type RequestListener } from "node:http";
import { createServer as createListener, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { download, submit, type Download, type Result } from "./harness/downloads.ts";
import { FORMS, LITERALS, MALFORMED, NAMES } from "./harness/forbidden-urls.ts";
import { json, send } from "./harness/http.ts";
import { describeWith, linux, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { useService } from "./harness/service.ts";

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

    it.each([...LITERALS, ...NAMES, "http://user@127.0.0.1:PORT/", "ftp://127.0.0.1/file"])(
      "%s as a webhook is refused at submission, and nothing connected to",
      async (webhook) => {
        const url = "http://e2e.invalid/";
        const answer = await submit(downloader.url, { url, webhook: webhook.replace("PORT", String(port)) });
        expect({ status: answer.status, body: answer.body.toString() }).toMatchObject({ status: 422 });
        expect(json(answer)).toMatchObject({ status: 422, code: "URL_FORBIDDEN" });
        expect(connections()).toBe(0);
      },
    );

    it("none of them is taken as a mirror, however good the others are", async () => {
      const forbidden = [...LITERALS, ...NAMES].map((url) => url.replace("PORT", String(port)));
      const files = forbidden.map(
        (url, n) => `<file name="${n}"><url>http://e2e.invalid/good</url><url>${url}</url></file>`,
      );
      const body = `<metalink xmlns="urn:ietf:params:xml:ns:metalink">${files.join("")}</metalink>`;
      expect(await codesOf("application/metalink4+xml", body)).toEqual(
        forbidden.map(() => "422 URL_FORBIDDEN"),
      );
      expect(connections()).toBe(0);
    });

    it("none of them is taken from a list of URIs", async () => {
      const forbidden = [...LITERALS, ...NAMES].map((url) => url.replace("PORT", String(port)));
      expect(await codesOf("text/uri-list", forbidden.join("\r\n"))).toEqual(
        forbidden.map(() => "422 URL_FORBIDDEN"),
      );
      expect(connections()).toBe(0);
    });

    it("none of them can be put in the place of a download's URL", async () => {
      const notBefore = new Date(Date.now() + 3_600_000).toISOString();
      const { id } = json(
        await submit(downloader.url, { url: "http://e2e.invalid/", notBefore }),
      ) as Download;
      for (const url of [...LITERALS, ...NAMES]) {
        const answer = await send("PATCH", `${downloader.url}/downloads/${id}`, {
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ url: url.replace("PORT", String(port)) }),
        });
        expect({ url, body: json(answer) }).toMatchObject({
          url,
          body: { status: 422, code: "URL_FORBIDDEN" },
        });
      }
      expect(await download(downloader.url, id)).toMatchObject({
        url: "http://e2e.invalid/",
        state: "queued",
      });
      expect(connections()).toBe(0);
    });

    /** What became of each element of a list. */
    async function codesOf(type: string, body: string): Promise<string[]> {
      const headers = { "content-type": type };
      const answer = await send("POST", `${downloader.url}/downloads`, { headers, body });
      expect({ status: answer.status, body: answer.body.toString() }).toMatchObject({ status: 200 });
      const { results } = json(answer) as { results: Result[] };
      return results.map(({ status, problem }) => `${status} ${problem?.code}`);
    }

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
    let redirects = 0;
    const redirect: RequestListener = (request, response) => {
      if (request.url === "/allowed") {
        response.end("allowed");
        return;
      }
      redirects++;
      response.writeHead(302, { location: Buffer.from(location).toString("latin1") }).end(); // UTF-8, as it is
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
      return end(json(answer) as Download);
    };
    const end = async (begun: Download | undefined): Promise<Download> => {
      if (!begun) throw new Error("It was refused.");
      let seen = begun;
      await until(
        "it has ended",
        async () => {
          seen = await download(downloader.url, begun.id);
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
      ...LITERALS,
      "//127.0.0.1:PORT/secret",
      "//[::1]:PORT/secret",
      "http://user@127.0.0.1:PORT/secret",
      "http://user:password@e2e.invalid/",
      "ftp://127.0.0.1/file",
      "file:///etc/passwd",
      "gopher://127.0.0.1:PORT/",
      "data:text/plain,hello",
    ])("a redirect to %s is refused, and nothing connected to", async (to) => {
      location = to.replace("PORT", String(listener?.port));
      const { state, error } = await outcome(`${originUrl}/redirect`);
      expect({ state, error }).toMatchObject({ state: "failed", error: { code: "ADDRESS_FORBIDDEN" } });
      // What is there is not told.
      expect(error?.detail).not.toMatch(/\d\.\d|:\w*:|passw/);
      expect(listener?.count()).toBe(0);
    });

    it("a mirror that redirects to where nobody may connect is passed over for the next", async () => {
      location = `http://127.0.0.1:${listener?.port}/secret`;
      const urls = ["/redirect", "/allowed"].map((path) => `<url>${originUrl}${path}</url>`).join("");
      const answer = await send("POST", `${downloader.url}/downloads`, {
        headers: { "content-type": "application/metalink4+xml" },
        body: `<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="mirrored">${urls}</file></metalink>`,
      });
      const { results } = json(answer) as { results: Result[] };
      expect(await end(results[0]?.download)).toMatchObject({ state: "completed", filename: "mirrored" });
      expect(listener?.count()).toBe(0);
    });

    it("a webhook that redirects to where nobody may connect is not followed", async () => {
      location = `http://127.0.0.1:${listener?.port}/secret`;
      const before = redirects;
      const webhook = `${originUrl}/redirect`;
      const answer = await submit(downloader.url, { url: `${originUrl}/allowed`, webhook });
      expect(await end(json(answer) as Download)).toMatchObject({ state: "completed" });
      await until("it was called", () => redirects > before, 20_000);
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
