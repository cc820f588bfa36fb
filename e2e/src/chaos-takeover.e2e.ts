import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { sha256File, writeNoise } from "./harness/content.ts";
import { startCountingOrigin, type CountingOrigin } from "./harness/counting-origin.ts";
import { download } from "./harness/downloads.ts";
import { useFolder } from "./harness/folder.ts";
import { describeWith, linux, ownServices } from "./harness/needs.ts";
import { until } from "./harness/pace.ts";
import { useReplicas } from "./harness/replica-suite.ts";
import { begin, reaches } from "./harness/running.ts";
import { storeKinds } from "./harness/stores.ts";

const MIB = 1 << 20;
const BYTES = 16 * MIB;
const LEASE_MS = 3_000;

describeWith("a replica that is killed during a slow download", [ownServices, linux], () => {
  const source = useFolder();
  let origin: CountingOrigin;
  let hash = "";
  beforeAll(async () => {
    hash = await writeNoise(join(source.path, "slow.bin"), BYTES, "takeover");
    origin = await startCountingOrigin();
  });
  afterAll(() => origin.close());

  for (const kind of storeKinds) {
    describeWith(`on ${kind.name}`, [kind.need], () => {
      const suite = useReplicas(kind, LEASE_MS);

      it("is succeeded by another one within one and a half leases, which goes on with it", async () => {
        const { replicas, volume } = suite;
        const served = { file: join(source.path, "slow.bin"), etag: '"1"', bytesPerSecond: MIB };
        const counted = origin.serve(`/${kind.name}/slow.bin`, served);
        const {
          id,
          holder,
          elsewhere: [elsewhere],
        } = await begin(replicas, counted, 6 * MIB);
        const { attempts } = await download(elsewhere, id);
        const [seen, killedAt] = [counted.requests.length, performance.now()];
        await replicas.kill(holder);
        await until("another one is at it", async () => {
          const now = await download(elsewhere, id);
          return now.state === "running" && now.attempts === attempts + 1;
        });
        expect(performance.now() - killedAt).toBeLessThanOrEqual(1.5 * LEASE_MS);

        await reaches(elsewhere, id, "completed");
        expect(await sha256File(join(volume.path, "slow.bin"))).toBe(hash);
        const later = counted.requests.slice(seen);
        expect(later.length).toBeGreaterThan(0);
        for (const request of later) {
          expect(request).toEqual({ range: expect.stringMatching(/^bytes=[1-9]/) as string, ifRange: '"1"' });
        }
        expect(counted.sent).toBeLessThan(BYTES + 3 * MIB);
      });
    });
  }
});
