import type { CountedUrl } from "./counting-origin.ts";
import { download, submit, type Download } from "./downloads.ts";
import { json } from "./http.ts";
import { until } from "./pace.ts";
import type { Replicas } from "./replicas.ts";
import { ownerOfPort } from "./socket-owner.ts";

/** A download that one of several replicas is at. */
export interface Running {
  readonly id: string;
  /** The index of the replica that fetches it. */
  readonly holder: number;
  /** The addresses of the others. */
  readonly elsewhere: readonly [string, string];
}

/** Submits a download to the first of three replicas, and waits until one of them has fetched so many bytes of it. */
export async function begin(
  replicas: Replicas,
  counted: CountedUrl,
  bytes: number,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Running> {
  const answer = await submit(replicas.at(0).url, { url: counted.url, ...options });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.body.toString()}`);
  const { id } = json(answer) as Download;
  await until(`${bytes} bytes of ${counted.url} were sent`, () => counted.sent >= bytes, 30_000);
  const services = Array.from({ length: replicas.count }, (_, index) => replicas.at(index));
  const pids = services.map(({ pid }) => pid);
  const owner = await ownerOfPort(counted.ports[0] ?? 0, pids);
  if (owner === undefined) throw new Error(`nobody fetches ${counted.url}`);
  const [one, other] = services.filter(({ pid }) => pid !== owner).map(({ url }) => url);
  if (one === undefined || other === undefined) throw new Error("there are too few replicas");
  return { id, holder: pids.indexOf(owner), elsewhere: [one, other] };
}

/** Waits until a download is in that state, and resolves to it; throws when it ends in another. */
export async function reaches(
  downloader: string,
  id: string,
  state: string,
  limitMs = 60_000,
): Promise<Download> {
  let now = await download(downloader, id);
  await until(
    `${id} is ${state}`,
    async () => {
      now = await download(downloader, id);
      if (now.state !== state && ["completed", "failed", "canceled"].includes(now.state)) {
        throw new Error(`${id} is ${now.state}, not ${state}: ${JSON.stringify(now.error)}`);
      }
      return now.state === state;
    },
    limitMs,
  );
  return now;
}
