import { expect } from "vitest";

import { respond, serve } from "../harness/answers.ts";
import type { Exchange, Received } from "../harness/exchange.ts";
import { FILE, times, type Row, type World } from "./row.ts";

const SECRETS = {
  Authorization: "Bearer e2e-secret-1",
  Cookie: "id=e2e-secret-2",
  "X-Api-Key": "e2e-secret-3",
};

function redirect(exchange: Exchange, location: string | undefined, status = 302): Promise<void> {
  return respond(exchange, status, { Location: location }, "moved");
}

/** A redirect from `file` to whatever `to` says, where the file is. */
function moved(name: string, to: (exchange: Exchange, world: World) => string, more: Partial<Row> = {}): Row {
  return {
    name,
    script: (exchange, world) =>
      exchange.rest === "file" ? redirect(exchange, to(exchange, world)) : serve(FILE)(exchange),
    end: { content: FILE },
    asked: times(2),
    ...more,
  };
}

/** A redirect that leads nowhere. */
function misled(name: string, location: string | undefined, end: Row["end"]): Row {
  return { name, script: (exchange) => redirect(exchange, location), end, asked: times(1) };
}

/** A chain of so many redirects, with the file at its end. */
function chain(length: number): Row["script"] {
  return (exchange) =>
    exchange.count <= length ? redirect(exchange, `step-${exchange.count}`) : serve(FILE)(exchange);
}

/** The same endpoint on another listener. */
function on(base: string, exchange: Exchange, path: string): string {
  return base + new URL(path, exchange.base).pathname;
}

function lastTargetIs(wanted: RegExp): NonNullable<Row["asked"]> {
  return (requests) => expect(requests.at(-1)?.target).toMatch(wanted);
}

/** Which of the client's own fields came with each request. */
function secretsOf(requests: readonly Received[]): (string | undefined)[][] {
  return requests.map(({ headers }) =>
    Object.keys(SECRETS)
      .map((name) => headers[name.toLowerCase()])
      .filter((value) => value !== undefined),
  );
}
const all = Object.values(SECRETS);

export const REDIRECTS: readonly Row[] = [
  ...[301, 302, 303, 307, 308].map((status): Row => ({
    name: `${status} is followed`,
    script: (exchange) =>
      exchange.rest === "file" ? redirect(exchange, "there", status) : serve(FILE)(exchange),
    end: { content: FILE, filename: "there" },
    asked: times(2),
  })),
  ...[300, 304, 305, 306].map((status): Row => ({
    name: `${status} with a Location is not`,
    script: (exchange) =>
      respond(exchange, status, { Location: "there" }, status === 304 ? "" : "choose for yourself"),
    end: { code: "HTTP_STATUS", detail: new RegExp(`${status}`) },
    asked: times(1),
  })),
  {
    name: "a loop",
    script: (exchange) => redirect(exchange, exchange.base + (exchange.rest === "file" ? "other" : "file")),
    end: { code: "TOO_MANY_REDIRECTS", detail: /redirected more than 10 times/ },
    asked: times(11),
  },
  {
    name: "to itself",
    script: (exchange) => redirect(exchange, exchange.base + exchange.rest),
    end: { code: "TOO_MANY_REDIRECTS", detail: /redirected more than 10 times/ },
    asked: times(11),
  },
  {
    name: "a chain of ten",
    script: chain(10),
    end: { content: FILE, filename: "step-10" },
    asked: times(11),
  },
  {
    name: "a chain of eleven",
    script: chain(11),
    end: { code: "TOO_MANY_REDIRECTS", detail: /redirected more than 10 times/ },
    asked: times(11),
  },
  {
    name: "from http to https and back: the client's own fields end at the first, and are not given back",
    ask: { headers: SECRETS },
    script: (exchange, world) => {
      if (exchange.rest === "file") return redirect(exchange, on(world.https, exchange, "secure"));
      if (exchange.rest === "secure") return redirect(exchange, on(world.http, exchange, "back"));
      return serve(FILE)(exchange);
    },
    end: { content: FILE, filename: "back" },
    asked: (requests) => expect(secretsOf(requests)).toEqual([all, [], []]),
  },
  {
    name: "to another origin: the client's own fields are dropped",
    ask: { headers: SECRETS },
    script: (exchange, world) =>
      exchange.rest === "file"
        ? redirect(exchange, on(world.elsewhere, exchange, "there"))
        : serve(FILE)(exchange),
    end: { content: FILE },
    asked: (requests) => expect(secretsOf(requests)).toEqual([all, []]),
  },
  {
    name: "within the origin: the client's own fields are sent along",
    ask: { headers: SECRETS },
    script: (exchange) => (exchange.rest === "file" ? redirect(exchange, "there") : serve(FILE)(exchange)),
    end: { content: FILE },
    asked: (requests) => expect(secretsOf(requests)).toEqual([all, all]),
  },
  {
    name: "to another origin, which drops the connection: the next attempt begins where the client said",
    ask: { headers: SECRETS },
    script: (exchange, world) => {
      if (exchange.rest === "file") return redirect(exchange, on(world.elsewhere, exchange, "there"));
      return serve(FILE, exchange.count === 2 ? { closeAfter: 100_000 } : {})(exchange);
    },
    end: { content: FILE },
    asked: (requests) => {
      expect(requests.map(({ target }) => target.replace(/.*\//, ""))).toEqual([
        "file",
        "there",
        "file",
        "there",
      ]);
      expect(secretsOf(requests)).toEqual([all, [], all, []]);
      expect(requests[3]?.headers["range"]).toBe("bytes=100000-");
    },
  },
  moved("a relative Location", () => "there"),
  moved("a Location from the root", (exchange) => `${new URL(exchange.base).pathname}there`),
  moved("a Location with dots", () => "a/../b/./../there"),
  moved("a Location of a query alone", () => "?there", {
    script: (exchange) =>
      exchange.request.target.endsWith("?there") ? serve(FILE)(exchange) : redirect(exchange, "?there"),
    end: { content: FILE, filename: "file" },
  }),
  moved("a Location without a scheme", (exchange) => `${exchange.base.replace("http:", "")}there`),
  moved("a Location with a fragment, which is not sent", () => "there#part", {
    asked: lastTargetIs(/\/there$/),
  }),
  moved("a Location with blanks around it and in it", () => "  the re  ", {
    end: { content: FILE, filename: "the re" },
  }),
  moved("a Location in UTF-8, as it is", () => Buffer.from("größe.bin").toString("latin1"), {
    end: { content: FILE, filename: "größe.bin" },
    asked: lastTargetIs(/\/gr%C3%B6%C3%9Fe\.bin$/),
  }),
  moved("a Location in capitals", (exchange) => exchange.base.replace("http:", "HTTP:").concat("there")),
  {
    name: "a redirect with a body without an end: it is not read",
    script: async (exchange) => {
      if (exchange.rest !== "file") return serve(FILE)(exchange);
      await exchange.send("HTTP/1.1 302 Found\r\nLocation: there\r\n\r\n");
      for (let sent = 0; sent < 16_384; sent++) await exchange.send(Buffer.alloc(65_536));
    },
    end: { content: FILE, filename: "there" },
    asked: (requests, { bytesSent }) => {
      times(2)(requests);
      expect(bytesSent).toBeLessThan(32_000_000);
    },
  },
  misled("no Location", undefined, { code: "REDIRECT_INVALID", detail: /302 .*without saying where/ }),
  misled("a Location that is no URL", "http://[", { code: "REDIRECT_INVALID", detail: /302 .*no URL/ }),
  misled("a Location with a backslash", "\\\\elsewhere\\file", {
    code: "REDIRECT_INVALID",
    detail: /no URL/,
  }),
  misled("to a forbidden address", "http://10.0.0.1/secret", {
    code: "ADDRESS_FORBIDDEN",
    detail: /^(?!.*(?:10\.0\.0\.1|secret)).*may(?: not)? be made from/,
  }),
  ...["ftp://127.0.0.1/file", "file:///etc/passwd", "data:text/plain,hello", "javascript:alert(1)"].map(
    (location) =>
      misled(`to ${location}`, location, { code: "ADDRESS_FORBIDDEN", detail: /Only http and https/ }),
  ),
  misled("to a URL with credentials", "http://user:password@127.0.0.1/file", {
    code: "ADDRESS_FORBIDDEN",
    detail: /^(?!.*password@).*credentials/,
  }),
];
