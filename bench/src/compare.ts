import type { Workspace } from "./workspace.ts";

/** What a run moves: in what it is counted, and for how many of it processor seconds are told. */
export interface Work {
  readonly amount: number;
  readonly unit: string;
  readonly cpuAmount: number;
  readonly cpuUnit: string;
}

/** Work that is counted in bytes. */
export function mebibytes(bytes: number): Work {
  return { amount: bytes / 2 ** 20, unit: "MiB", cpuAmount: 1024, cpuUnit: "GiB" };
}

/** What a run took: seconds, and processor seconds of the contender's own. */
export interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** One of two that are compared: does the figure's work once, and leaves nothing to the next run. */
export type Contender = () => Promise<Run>;

/** One figure: the same work, done by us and by a peer. */
export interface Figure {
  readonly title: string;
  readonly peer: string;
  readonly work: Work;
  /** Makes both ready; what they need is given to `stack`, which ends it. */
  readonly start: (
    workspace: Workspace,
    stack: AsyncDisposableStack,
  ) => Promise<{ ours: Contender; theirs: Contender }>;
}

/** What a contender did: units of work a second, and processor seconds for so many of them; both medians. */
export interface Result {
  readonly perSecond: number;
  readonly cpuSeconds: number;
}

export interface Comparison {
  readonly figure: Figure;
  readonly ours: Result;
  readonly theirs: Result;
  /** Ours over theirs in throughput, pair by pair: these machines' speed drifts, and a pair shares its moment. */
  readonly ratio: Spread;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Runs a figure in pairs, each contender first in turn, after one run of each that is not counted. */
export async function compare(figure: Figure, workspace: Workspace, pairs: number): Promise<Comparison> {
  await using stack = new AsyncDisposableStack();
  const { ours, theirs } = await figure.start(workspace, stack);
  const results = await inPairs(ours, theirs, pairs);
  return {
    figure,
    ours: medians(
      results.map(([run]) => run),
      figure.work,
    ),
    theirs: medians(
      results.map(([, run]) => run),
      figure.work,
    ),
    ratio: spread(results.map(([one, other]) => other.seconds / one.seconds)),
  };
}

/** Runs both `pairs` times, each first in turn, after one run of each that is not counted. */
export async function inPairs(one: Contender, other: Contender, pairs: number): Promise<[Run, Run][]> {
  await other();
  await one();
  const results: [Run, Run][] = [];
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) results.push([await one(), await other()]);
    else {
      const second = await other();
      results.push([await one(), second]);
    }
  }
  return results;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function medians(runs: readonly Run[], { amount, cpuAmount }: Work): Result {
  return {
    perSecond: amount / median(runs.map((run) => run.seconds)),
    cpuSeconds: (median(runs.map((run) => run.cpuSeconds)) * cpuAmount) / amount,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
