import { afterAll, beforeAll, expect, it } from "vitest";

import { makeFolder, removeFolder } from "./harness/folder.ts";
import { send, type Answer } from "./harness/http.ts";
import { describeWith, ownServices } from "./harness/needs.ts";
import { startService, type Service } from "./harness/service.ts";

const ROUNDS = 200;
const WRITERS = 20;
const LIMIT_MS = 240_000;

describeWith("concurrent writers to one name through two processes", [ownServices], () => {
  let volume = "";
  let services: Service[] = [];
  beforeAll(async () => {
    volume = await makeFolder();
    const start = (): Promise<Service> => startService("fileserver", { VOLUME_DIR: volume });
    services = await Promise.all([start(), start()]);
  });
  afterAll(async () => {
    await Promise.all(services.map((service) => service.end("SIGKILL")));
    await removeFolder(volume);
  });

  const urlOf = (name: string, writer: number): string => `${services[writer % 2]?.url}/files/${name}`;
  const put = (name: string, writer: number, headers: Record<string, string> = {}): Promise<Answer> =>
    send("PUT", urlOf(name, writer), { body: `writer ${writer} `.repeat(50 + writer), headers });
  /** Who wrote what is there now, and its entity tag, which both processes must agree on. */
  const current = async (name: string): Promise<{ writer: number; etag: string | undefined }> => {
    const [one, two] = await Promise.all([0, 1].map((writer) => send("GET", urlOf(name, writer))));
    expect(two?.body.equals(one?.body ?? Buffer.alloc(0))).toBe(true);
    expect(two?.headers["etag"]).toBe(one?.headers["etag"]);
    const text = one?.body.toString() ?? "";
    const writer = Number(text.split(" ")[1]);
    expect(text).toBe(`writer ${writer} `.repeat(50 + writer));
    return { writer, etag: one?.headers["etag"] };
  };
  const writers = Array.from({ length: WRITERS }, (_, n) => n);
  const statusesOf = (answers: readonly Answer[]): number[] =>
    answers.map(({ status }) => status).toSorted((a, b) => a - b);
  const refusals = writers.slice(1).map(() => 412);
  /** Who wrote with that status, as {@link current} tells it. */
  const winnerOf = (answers: readonly Answer[], success: number) => {
    const writer = answers.findIndex(({ status }) => status === success);
    return { writer, etag: answers[writer]?.headers["etag"] };
  };

  it(
    `with If-None-Match: *, exactly one of ${WRITERS} creates it, in ${ROUNDS} rounds`,
    { timeout: LIMIT_MS },
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const name = `created-${round}`;
        const answers = await Promise.all(writers.map((n) => put(name, n, { "if-none-match": "*" })));
        expect(statusesOf(answers)).toEqual([201, ...refusals]);
        expect(await current(name)).toEqual(winnerOf(answers, 201));
      }
    },
  );

  it(
    `with If-Match of one tag, exactly one of ${WRITERS} replaces it, in ${ROUNDS} rounds`,
    { timeout: LIMIT_MS },
    async () => {
      await put("replaced", 0);
      for (let round = 0; round < ROUNDS; round++) {
        const { etag = "" } = await current("replaced");
        const answers = await Promise.all(writers.map((n) => put("replaced", n, { "if-match": etag })));
        expect(statusesOf(answers)).toEqual([204, ...refusals]);
        expect(await current("replaced")).toEqual(winnerOf(answers, 204));
      }
    },
  );

  it(
    `a writer with no condition is never undone by one whose tag it made stale, in ${ROUNDS} rounds`,
    { timeout: LIMIT_MS },
    async () => {
      const unconditional = 10;
      let conditionalWins = 0;
      await put("raced", 0);
      for (let round = 0; round < ROUNDS; round++) {
        const { etag = "" } = await current("raced");
        const answers = await Promise.all(
          writers.map((n) => put("raced", n, n === unconditional ? {} : { "if-match": etag })),
        );
        const wins = answers.flatMap(({ status }, n) => (status === 204 ? [n] : []));
        expect(wins).toContain(unconditional);
        expect(wins.length).toBeLessThanOrEqual(2);
        expect(answers.filter(({ status }) => status === 412).length).toBe(WRITERS - wins.length);
        // Whoever had the condition can only have won before it: the tag was no longer current after.
        expect(await current("raced")).toEqual({
          writer: unconditional,
          etag: answers[unconditional]?.headers["etag"],
        });
        conditionalWins += wins.length - 1;
      }
      // Both orders have been seen, or the race was none.
      expect(conditionalWins).toBeGreaterThan(0);
    },
  );

  it(
    `of ${WRITERS} that remove one version only one does, and none removes the version after, in ${ROUNDS / 4} rounds`,
    { timeout: LIMIT_MS },
    async () => {
      for (let round = 0; round < ROUNDS / 4; round++) {
        await put("removed", 0);
        const { etag = "" } = await current("removed");
        const removals = writers.map((n) =>
          send("DELETE", urlOf("removed", n), { headers: { "if-match": etag } }),
        );
        const [replaced, ...answers] = await Promise.all([put("removed", 1), ...removals]);
        expect([201, 204]).toContain(replaced.status);
        expect(answers.filter(({ status }) => status === 204).length).toBeLessThanOrEqual(1);
        expect(answers.filter(({ status }) => ![204, 404, 412].includes(status))).toEqual([]);
        expect(await current("removed")).toMatchObject({ writer: 1 });
      }
    },
  );
});
