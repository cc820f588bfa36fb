import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";

import { sha256File, writeNoise } from "./harness/content.ts";
import { startCountingOrigin, type CountedUrl, type CountingOrigin } from "./harness/counting-origin.ts";
import { download, submit, type Download, type Result } from "./harness/downloads.ts";
import { compareIds, openEvents, type ServerEvent } from "./harness/event-stream.ts";
import { useFolder } from "./harness/folder.ts";
import { expectProblem, json, send, type Answer } from "./harness/http.ts";
import { describeWith, linux, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { useReplicas } from "./harness/replica-suite.ts";
import { begin, reaches } from "./harness/running.ts";
import { storeKinds } from "./harness/stores.ts";

const MIB = 1 << 20;
const BYTES = 12 * MIB;
const RATE = 2 * MIB;
const BEGUN = 3 * MIB;
/** What is in flight or not yet written when a transfer is ended, and so fetched twice. */
const TWICE = MIB;
const WITHIN_MS = 1_000;

const isState = ({ type, data }: ServerEvent, id: string, state: string): boolean =>
  type === "state" && data.id === id && data.state === state;

describeWith("any of three replicas controls a download", [ownServices, linux], () => {
  const source = useFolder();
  let origin: CountingOrigin;
  let hash = "";
  beforeAll(async () => {
    hash = await writeNoise(join(source.path, "slow"), BYTES, "control");
    await writeNoise(join(source.path, "small"), 1_000, "small");
    origin = await startCountingOrigin();
  });
  afterAll(() => origin.close());

  for (const kind of storeKinds) {
    describeWith(`on ${kind.name}`, [kind.need], () => {
      const suite = useReplicas(kind, 3_000, { MAX_ACTIVE: "1" });
      const { volume } = suite;

      const serve = (name: string, bytesPerSecond = RATE, file = "slow"): CountedUrl =>
        origin.serve(`/${kind.name}/${name}`, { file: join(source.path, file), etag: '"1"', bytesPerSecond });

      const patch = (replica: string, id: string, wanted: unknown): Promise<Answer> => {
        const headers = { "content-type": "application/json" };
        return send("PATCH", `${replica}/downloads/${id}`, { headers, body: JSON.stringify(wanted) });
      };

      async function change(replica: string, id: string, wanted: unknown): Promise<Download> {
        const answer = await patch(replica, id, wanted);
        expect({ status: answer.status, body: answer.body.toString() }).toMatchObject({ status: 200 });
        return json(answer) as Download;
      }

      async function expectQuiet(counted: CountedUrl): Promise<void> {
        await sleep(WITHIN_MS);
        const { sent } = counted;
        expect(counted.ports).toEqual([]);
        await sleep(1_500);
        expect(counted.sent).toBe(sent);
      }

      const partialsOf = async (id: string): Promise<string[]> =>
        (await readdir(join(volume.path, ".wharf/partial"))).filter((name) => name.startsWith(id));

      function expectContinued(counted: CountedUrl, requestsBefore: number): void {
        const later = counted.requests.slice(requestsBefore);
        expect(later.length).toBeGreaterThan(0);
        for (const request of later) {
          expect(request).toEqual({ range: expect.stringMatching(/^bytes=\d+-/) as string, ifRange: '"1"' });
        }
      }

      it("pauses and resumes it", async () => {
        const counted = serve("paused.bin");
        const { id, elsewhere } = await begin(suite.replicas, counted, BEGUN);
        expect(await change(elsewhere[0], id, { state: "paused" })).toMatchObject({ state: "paused" });
        await expectQuiet(counted);
        for (const replica of elsewhere)
          expect(await download(replica, id)).toMatchObject({ state: "paused" });
        const { length } = counted.requests;
        expect(await change(elsewhere[1], id, { state: "queued" })).toMatchObject({ id });
        await reaches(elsewhere[0], id, "completed");
        expect(await sha256File(join(volume.path, "paused.bin"))).toBe(hash);
        expectContinued(counted, length);
        expect(counted.sent).toBeLessThan(BYTES + TWICE);
        expectProblem(await patch(elsewhere[0], id, { state: "paused" }), 409, "STATE_CONFLICT");
      });

      it("cancels it and keeps the record", async () => {
        const counted = serve("canceled.bin");
        const { id, elsewhere } = await begin(suite.replicas, counted, BEGUN);
        expect(await change(elsewhere[0], id, { state: "canceled" })).toMatchObject({ state: "canceled" });
        await expectQuiet(counted);
        await until("its partial file is gone", async () => (await partialsOf(id)).length === 0);
        expect(await download(elsewhere[1], id)).toMatchObject({ state: "canceled", file: null });
        await expect(stat(join(volume.path, "canceled.bin"))).rejects.toMatchObject({ code: "ENOENT" });
      });

      it("removes it while it runs", async () => {
        const counted = serve("removed.bin");
        const { id, elsewhere } = await begin(suite.replicas, counted, BEGUN);
        expect((await send("DELETE", `${elsewhere[0]}/downloads/${id}`)).status).toBe(204);
        await expectQuiet(counted);
        await until("its partial file is gone", async () => (await partialsOf(id)).length === 0);
        expectProblem(await send("GET", `${elsewhere[1]}/downloads/${id}`), 404, "DOWNLOAD_UNKNOWN");
        await expect(stat(join(volume.path, "removed.bin"))).rejects.toMatchObject({ code: "ENOENT" });
      });

      it("points it at another URL while it runs, and it goes on with what it has", async () => {
        const [expiring, fresh] = [serve("fresh.bin?signed=1"), serve("fresh.bin?signed=2")];
        const { id, elsewhere } = await begin(suite.replicas, expiring, BEGUN);
        expect(await change(elsewhere[0], id, { url: fresh.url })).toMatchObject({ url: fresh.url });
        expiring.refuse(403);
        await reaches(elsewhere[1], id, "completed");
        expect(await sha256File(join(volume.path, "fresh.bin"))).toBe(hash);
        expectContinued(fresh, 0);
        expect(expiring.sent + fresh.sent).toBeLessThan(BYTES + TWICE);
      });

      it("points a failed one at another URL, and it goes on with what it had", async () => {
        const [expired, fresh] = [serve("expired.bin?signed=1"), serve("expired.bin?signed=2")];
        const { id, elsewhere } = await begin(suite.replicas, expired, BEGUN);
        expired.refuse(403);
        const failed = await reaches(elsewhere[0], id, "failed");
        expect(failed.error?.detail).toContain("403");
        await change(elsewhere[0], id, { url: fresh.url });
        await reaches(elsewhere[1], id, "completed");
        expect(await sha256File(join(volume.path, "expired.bin"))).toBe(hash);
        expectContinued(fresh, 0);
        expect(expired.sent + fresh.sent).toBeLessThan(BYTES + TWICE);
      });

      it("reorders the queue", async () => {
        const blockers = [0, 1, 2].map((n) => serve(`blocker ${n}`.replace(" ", "-"), MIB / 8));
        const running: string[] = [];
        for (const blocker of blockers) running.push((await begin(suite.replicas, blocker, 1)).id);
        const waiting = ["first", "second", "urgent"].map((name) => serve(`${name}.bin`, MIB / 8));
        const wanted = waiting.map(({ url }) => ({ url }));
        const { results } = json(await submit(suite.replicas.at(0).url, wanted)) as { results: Result[] };
        const ids = results.map((result) => result.download?.id ?? "");
        expect(await change(suite.replicas.at(1).url, ids[2] ?? "", { priority: 5 })).toMatchObject({
          priority: 5,
        });
        await send("DELETE", `${suite.replicas.at(2).url}/downloads/${running[0]}`);
        await until("the next one is fetched", () => waiting.some(({ sent }) => sent > 0));
        await sleep(1_000);
        expect(waiting.map(({ requests }) => requests.length > 0)).toEqual([false, false, true]);
        for (const id of [...running.slice(1), ...ids]) {
          expect((await send("DELETE", `${suite.replicas.at(0).url}/downloads/${id}`)).status).toBe(204);
        }
      });

      it("slows it down and speeds it up", async () => {
        const counted = serve("limited.bin", 4 * MIB);
        const { id, elsewhere } = await begin(suite.replicas, counted, MIB);
        await change(elsewhere[0], id, { speedLimit: MIB / 8 });
        await sleep(2_000);
        const { bytes } = await download(elsewhere[1], id);
        await sleep(2_000);
        const later = await download(elsewhere[1], id);
        expect(later.state).toBe("running");
        // A quarter of a mebibyte is due; without the limit it would be eight.
        expect(later.bytes - bytes).toBeLessThan(MIB);
        await change(elsewhere[1], id, { speedLimit: null });
        // At the limit it would take a minute and more.
        await reaches(elsewhere[0], id, "completed", 20_000);
        expect(await sha256File(join(volume.path, "limited.bin"))).toBe(hash);
      });

      it("tells of it while another one runs it", async () => {
        const counted = serve("told.bin");
        const { id, elsewhere } = await begin(suite.replicas, counted, MIB / 2);
        const stream = await openEvents(`${elsewhere[0]}/downloads/events`);
        const own = await openEvents(`${elsewhere[1]}/downloads/${id}/events`);
        for (const told of [stream, own]) {
          await told.find("it is completed", (event) => isState(event, id, "completed"));
          const progress = told.events.filter(({ type, data }) => type === "progress" && data.id === id);
          expect(progress.length).toBeGreaterThan(1);
          const bytes = progress.map(({ data }) => data.bytes);
          expect(bytes).toEqual(bytes.toSorted((one, other) => one - other));
        }
        const { data } = await stream.find("it is completed", (event) => isState(event, id, "completed"));
        expect(data).toEqual(await download(elsewhere[0], id));
        await send("DELETE", `${elsewhere[1]}/downloads/${id}`);
        for (const told of [stream, own]) {
          await told.find("it is removed", (event) => event.type === "removed" && event.data.id === id);
          told.close();
        }
        expect(own.events.filter((event) => event.data.id !== id)).toEqual([]);
      });

      it("goes on telling where a dead one has stopped", async () => {
        const submitted: string[] = [];
        const submitSome = async (count: number, replica: number): Promise<void> => {
          const wanted = Array.from({ length: count }, (_, n) => {
            const { url } = serve(`small-${submitted.length + n}.bin`, 1e9, "small");
            return { url, path: "/small/" };
          });
          const { results } = json(await submit(suite.replicas.at(replica).url, wanted)) as {
            results: Result[];
          };
          submitted.push(...results.map((result) => result.download?.id ?? ""));
        };
        const isCompleted = (event: ServerEvent): boolean => isState(event, event.data.id, "completed");

        const first = await openEvents(`${suite.replicas.at(0).url}/downloads/events`);
        await submitSome(100, 1);
        await until("20 are completed", () => first.events.filter(isCompleted).length >= 20, 30_000);
        await suite.replicas.kill(0);
        await submitSome(100, 1);
        const lastId = first.events.at(-1)?.id ?? "";
        expect(lastId).toMatch(/^\d+-\d+$/);
        await sleep(1_000);
        const second = await openEvents(`${suite.replicas.at(2).url}/downloads/events`, lastId);
        const missing = (): string[] => {
          const told = [...first.events, ...second.events].filter(isCompleted);
          const ids = new Set(told.map(({ data }) => data.id));
          return submitted.filter((id) => !ids.has(id));
        };
        await until("all were told of", () => missing().length === 0, 30_000).catch(() => undefined);
        expect(missing()).toEqual([]);
        const ids = [...first.events, ...second.events].map(({ id }) => id);
        expect(ids.filter((id) => !/^\d+-\d+$/.test(id))).toEqual([]);
        expect(ids.filter((id, n) => compareIds(ids[n - 1] ?? "0-0", id) > 0)).toEqual([]);
        second.close();
        await suite.replicas.replace(0);
      });
    });
  }
});
