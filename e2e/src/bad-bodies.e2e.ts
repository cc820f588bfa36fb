import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { noiseStream, writeNoise } from "./harness/content.ts";
import { useFileserver } from "./harness/fileserver.ts";
import { useFolder } from "./harness/folder.ts";
import { expectProblem, json, send, type Answer } from "./harness/http.ts";
import { listPages } from "./harness/listing.ts";
import { describeWith, ownServices, program } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { dial, exchange, parseResponses, readAll } from "./harness/raw.ts";
import { curlAnswer } from "./harness/run.ts";
import { useService } from "./harness/service.ts";

const MIB = 2 ** 20;

describe("bodies that are not what was announced", () => {
  const server = useFileserver();
  const head = (method: string, path: string, ...headers: string[]): string =>
    [`${method} ${new URL(server.folder + path).pathname} HTTP/1.1`, "Host: e2e", ...headers, "", ""].join(
      "\r\n",
    );
  const only = (answers: Answer[]): Answer => {
    expect(answers.length).toBe(1);
    return answers[0] ?? { status: 0, headers: {}, body: Buffer.alloc(0) };
  };
  const status = async (path: string): Promise<number> => (await send("GET", server.folder + path)).status;

  it("shorter than its Content-Length: 400 BODY_TRUNCATED, nothing published", async () => {
    const request = `${head("PUT", "short.txt", "Content-Length: 100")}only this`;
    expectProblem(only(await exchange(server.url, request, { halfClose: true })), 400, "BODY_TRUNCATED");
    expect(await status("short.txt")).toBe(404);
  });

  it("shorter than its Content-Length, in place of a file: the file stays as it was", async () => {
    await send("PUT", `${server.folder}kept.txt`, { body: "as it was" });
    const request = `${head("PUT", "kept.txt", "Content-Length: 100")}only this`;
    expectProblem(only(await exchange(server.url, request, { halfClose: true })), 400, "BODY_TRUNCATED");
    expect((await send("GET", `${server.folder}kept.txt`)).body.toString()).toBe("as it was");
  });

  it("chunked, without the last chunk: 400 BODY_TRUNCATED, nothing published", async () => {
    const request = `${head("PUT", "chunked.txt", "Transfer-Encoding: chunked")}5\r\nhello\r\n`;
    expectProblem(only(await exchange(server.url, request, { halfClose: true })), 400, "BODY_TRUNCATED");
    expect(await status("chunked.txt")).toBe(404);
  });

  it("cut off by a client that goes away: nothing published", async () => {
    const socket = await dial(server.url);
    socket.write(`${head("PUT", "gone.txt", "Content-Length: 100")}only this`);
    socket.resetAndDestroy();
    await until(
      "the server has noticed",
      async () => (await send("GET", `${server.url}/livez`)).status === 200,
    );
    expect(await status("gone.txt")).toBe(404);
  });

  it("longer than its Content-Length: stored as declared, and the rest is no request", async () => {
    const request = `${head("PUT", "long.txt", "Content-Length: 5")}helloand more\r\n\r\n`;
    const [first, second, ...more] = await exchange(server.url, request);
    expect(first?.status).toBe(201);
    expect(second?.status).toBe(400);
    expect(json(second ?? { body: Buffer.from("null") })).toMatchObject({ status: 400, code: "BAD_REQUEST" });
    expect(more).toEqual([]);
    expect((await send("GET", `${server.folder}long.txt`)).body.toString()).toBe("hello");
  });

  it.each([
    ["a chunk size that is no number", "Transfer-Encoding: chunked", "zz\r\nhello\r\n0\r\n\r\n"],
    ["a length that is no number", "Content-Length: five", "hello"],
    ["a negative length", "Content-Length: -5", "hello"],
    [
      "both a length and chunks",
      "Content-Length: 5\r\nTransfer-Encoding: chunked",
      "5\r\nhello\r\n0\r\n\r\n",
    ],
    ["two lengths", "Content-Length: 5\r\nContent-Length: 6", "hello!"],
  ])("%s: 400, nothing published", async (_name, header, body) => {
    const [answer] = await exchange(server.url, head("PUT", "malformed.txt", header) + body);
    expect(answer?.status).toBe(400);
    expect(await status("malformed.txt")).toBe(404);
  });

  describe("forms", () => {
    const part = (name: string, content: string): string =>
      `--b\r\nContent-Disposition: form-data; name="f"; filename="${name}"\r\n\r\n${content}`;
    const type = "Content-Type: multipart/form-data; boundary=b";
    const whole = `${part("whole.txt", "whole")}\r\n`;

    const expectTruncated = async (answers: Answer[], folder: string): Promise<void> => {
      const problem = expectProblem(only(answers), 400, "BODY_TRUNCATED");
      const path = decodeURIComponent(
        new URL(`${server.folder}${folder}whole.txt`).pathname.slice("/files".length),
      );
      expect(problem).toMatchObject({ files: [{ path, size: 5 }] });
      expect((await listPages(server.folder + folder)).map(({ name }) => name)).toEqual(["whole.txt"]);
    };

    it("that end in a file, without the closing boundary: 400 BODY_TRUNCATED, files before it named", async () => {
      const body = `${whole}${part("cut.txt", "not all of i")}`;
      const request =
        head("POST", "unclosed/", type, `Content-Length: ${body.length}`, "Connection: close") + body;
      await expectTruncated(await exchange(server.url, request), "unclosed/");
      expect(await status("unclosed/cut.txt")).toBe(404);
    });

    it("that end in a file, with the connection: 400 BODY_TRUNCATED, files before it stored", async () => {
      const socket = await dial(server.url);
      const answers = readAll(socket);
      const rest = `\r\n${part("cut.txt", "not all of i")}`;
      socket.write(head("POST", "closed/", type, "Content-Length: 1000") + part("whole.txt", "whole") + rest);
      await until("the file before it is there", async () => (await status("closed/whole.txt")) === 200);
      socket.end();
      const problem = expectProblem(only(parseResponses(await answers)), 400, "BODY_TRUNCATED");
      expect(problem.detail).toMatch(/ended/);
      expect((await listPages(`${server.folder}closed/`)).map(({ name }) => name)).toEqual(["whole.txt"]);
    });

    it("that end between two files, without the closing boundary: 400 BODY_TRUNCATED", async () => {
      const request =
        head("POST", "between/", type, `Content-Length: ${whole.length}`, "Connection: close") + whole;
      const answer = only(await exchange(server.url, request));
      expect(expectProblem(answer, 400, "BODY_TRUNCATED").status).toBe(400);
    });

    it("that end in a part's headers: 400", async () => {
      const body = `${whole}--b\r\nContent-Disposition: form-data; na`;
      const request =
        head("POST", "header/", type, `Content-Length: ${body.length}`, "Connection: close") + body;
      const answer = only(await exchange(server.url, request));
      expect(answer.status).toBe(400);
      const { files } = json(answer) as { files: unknown[] };
      // Whether the file before was published yet depends on how the bytes came; it is named if it was.
      expect((await listPages(server.folder)).some(({ name }) => name === "header")).toBe(files.length > 0);
    });

    it.each([
      ["without a boundary", "multipart/form-data", "x", 400],
      [
        "without a file",
        "multipart/form-data; boundary=b",
        '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n',
        400,
      ],
      ["empty", "multipart/form-data; boundary=b", "", 400],
      ["of another type", "application/json", "{}", 415],
      ["of no type", "", "x", 415],
    ])("%s: a 4xx problem", async (_name, contentType, body, expected) => {
      const headers = contentType === "" ? {} : { "content-type": contentType };
      const answer = await send("POST", `${server.folder}wrong/`, { headers, body });
      expect({ status: answer.status, body: answer.body.toString() }).toMatchObject({ status: expected });
      expect(json(answer)).toMatchObject({
        status: expected,
        code: expect.stringMatching(/^[A-Z_]+$/) as string,
      });
    });
  });

  it("headers beyond any need: 431", async () => {
    const [answer] = await exchange(server.url, head("GET", "x", `X-Long: ${"x".repeat(70_000)}`));
    expect(answer?.status).toBe(431);
    expect(json(answer ?? { body: Buffer.from("null") })).toMatchObject({
      status: 431,
      code: "HEADERS_TOO_LARGE",
    });
  });
});

describeWith(
  "bodies that are refused before they are sent, with curl",
  [ownServices, program("curl")],
  () => {
    const server = useService("fileserver", { MAX_UPLOAD_BYTES: "1M" });
    const local = useFolder();
    /** What curl printed: the status, how many bytes it sent, and whether it was asked for them. */
    const put = async (path: string, args: string[]) => {
      const source = join(local.path, "5M");
      await writeNoise(source, 5 * MIB, "5M");
      await writeFile(join(local.path, "empty"), "");
      const { trace, body, ...counts } = await curlAnswer([
        "-v",
        "-T",
        source,
        ...args,
        `${server.url}/files/${path}`,
      ]);
      return { ...counts, wasAsked: trace.includes("100 Continue"), problem: body };
    };
    const unsent = { code: 0, sent: 0, wasAsked: false };

    it("over the size limit by their length: 413", async () => {
      const { problem, ...seen } = await put("big.bin", []);
      expect(seen).toEqual({ ...unsent, status: 413 });
      expect(JSON.parse(problem)).toMatchObject({ status: 413, code: "TOO_LARGE" });
    });

    it.each([
      {
        name: "a condition that does not hold",
        path: "taken",
        headers: ["If-None-Match: *"],
        status: 412,
        code: "PRECONDITION_FAILED",
      },
      {
        name: "a tag that is not current",
        path: "taken",
        headers: ['If-Match: "a"'],
        status: 412,
        code: "PRECONDITION_FAILED",
      },
      { name: "a directory in the way", path: "folder", headers: [], status: 409, code: "IS_DIRECTORY" },
      { name: "a file on the way", path: "taken/below", headers: [], status: 409, code: "NOT_A_DIRECTORY" },
      {
        name: "a part of a file",
        path: "part",
        headers: ["Content-Range: bytes 1-2/3"],
        status: 400,
        code: "PARTIAL_PUT_UNSUPPORTED",
      },
      { name: "the reserved directory", path: ".wharf/x", headers: [], status: 404, code: "NOT_FOUND" },
      { name: "a path that is none", path: "a%2Fb", headers: [], status: 400, code: "PATH_INVALID" },
    ])("for $name: $status", async ({ path, headers, status, code }) => {
      await send("PUT", `${server.url}/files/taken`, { body: "taken" });
      await send("PUT", `${server.url}/files/folder/file`, { body: "" });
      const { problem, ...seen } = await put(
        path,
        headers.flatMap((header) => ["-H", header]),
      );
      expect(seen).toEqual({ ...unsent, status });
      expect(JSON.parse(problem)).toMatchObject({ status, code });
    });

    it("over the size limit, of a client that sends at once: 413, which it gets to see", async () => {
      const seen = await put("eager.bin", ["-H", "Expect:"]);
      expect(seen).toMatchObject({ code: 0, status: 413 });
      expect(JSON.parse(seen.problem)).toMatchObject({ code: "TOO_LARGE" });
    });

    it.each(["chunked", "chunked at once"])(
      "over the size limit in the midst, %s: 413, which it gets to see",
      async (how) => {
        const { stream } = noiseStream(20 * MIB, "chunked");
        const expectation = how === "chunked" ? [] : ["-H", "Expect:"];
        const url = `${server.url}/files/chunked.bin`;
        const { status, body } = await curlAnswer(["-T", "-", ...expectation, url], {
          input: stream,
        });
        expect(status).toBe(413);
        expect(JSON.parse(body)).toMatchObject({ status: 413, code: "TOO_LARGE" });
        expect((await send("GET", url)).status).toBe(404);
      },
    );

    it("over the size limit, in a form: 413, the files before it stored and named", async () => {
      await put("ignored", []);
      const form = [
        "-F",
        "f=small;filename=small.txt",
        "-F",
        `f=@${join(local.path, "5M")};filename=big.bin`,
      ];
      const { status, body } = await curlAnswer([...form, `${server.url}/files/form/`]);
      expect(status).toBe(413);
      expect(JSON.parse(body)).toMatchObject({
        code: "TOO_LARGE",
        files: [{ path: "/form/small.txt", size: 5 }],
      });
      expect((await listPages(`${server.url}/files/form/`)).map(({ name }) => name)).toEqual(["small.txt"]);
    });
  },
);
