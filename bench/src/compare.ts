import type { Server } from "./server.ts";
import type { Workspace } from "./workspace.ts";

/** One figure: what is done to each of two servers, and how much that is. */
export interface Figure {
  readonly title: string;
  readonly peer: string;
  /** Bytes moved in one run. */
  readonly bytes: number;
  /** Starts both; they are ended by the caller. */
  readonly start: (workspace: Workspace) => Promise<{ ours: Server; theirs: Server }>;
  /** One run against one of them; resolves to its seconds. */
  readonly run: (server: Server, workspace: Workspace) => Promise<number>;
}

/** What a contender did: bytes a second, and processor seconds of its own for a GiB; both medians. */
export interface Result {
  readonly bytesPerSecond: number;
  readonly cpuSecondsPerGiB: number;
}

export interface Comparison {
  readonly title: string;
  readonly peer: string;
  readonly ours: Result;
  readonly theirs: Result;
  /** Ours over theirs in throughput, pair by pair: these machines' speed drifts, and a pair shares its moment. */
  readonly ratio: { readonly median: number; readonly min: number; readonly max: number };
}

/** Runs a figure in pairs, each contender first in turn, after one run of each that is not counted. */
export async function compare(figure: Figure, workspace: Workspace, pairs: number): Promise<Comparison> {
  const { ours, theirs } = await figure.start(workspace);
  await using _ours = ours;
  await using _theirs = theirs;
  const measure = async (server: Server): Promise<Result> => {
    const before = await server.cpuSeconds();
    const seconds = await figure.run(server, workspace);
    const cpuSeconds = (await server.cpuSeconds()) - before;
    return {
      bytesPerSecond: figure.bytes / seconds,
      cpuSecondsPerGiB: (cpuSeconds * 2 ** 30) / figure.bytes,
    };
  };
  await measure(theirs);
  await measure(ours);
  const results: { ours: Result; theirs: Result }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) results.push({ ours: await measure(ours), theirs: await measure(theirs) });
    else {
      const peer = await measure(theirs);
      results.push({ ours: await measure(ours), theirs: peer });
    }
  }
  const ratios = results.map((each) => each.ours.bytesPerSecond / each.theirs.bytesPerSecond);
  return {
    title: figure.title,
    peer: figure.peer,
    ours: medians(results.map((each) => each.ours)),
    theirs: medians(results.map((each) => each.theirs)),
    ratio: { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) },
  };
}

function medians(results: readonly Result[]): Result {
  return {
    bytesPerSecond: median(results.map((result) => result.bytesPerSecond)),
    cpuSecondsPerGiB: median(results.map((result) => result.cpuSecondsPerGiB)),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
