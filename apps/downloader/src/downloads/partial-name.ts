import type { Lease } from "./store.ts";

/** Whose a partial file is, as its name says. */
export interface PartialName {
  /** The download's id. */
  readonly id: string;
  /** The epoch of the claim under which the name was given. */
  readonly epoch: number;
  /** The process that gave it, by the name whose death the volume can tell; undefined in names of earlier releases. */
  readonly holder: string | undefined;
  /** Which of the files this one made is meant; undefined for the one that it took over as it was. */
  readonly number: number | undefined;
}

/** `<id>.<epoch>.<holder>` for a file that was taken over, and `.<number>` behind that for one that was made. */
export function partialName({ id, epoch }: Lease, holder: string, number?: number): string {
  return [id, epoch, holder, ...(number === undefined ? [] : [number])].join(".");
}

/** Reads a name, whatever the volume has added to it. */
export function parsePartialName(name: string): PartialName {
  const [, id = "", epoch = "", holder, number] =
    /^([^.]*)\.(\d+)(?:\.([\da-f]{16})(?:\.(\d+))?)?/.exec(name) ?? [];
  return { id, epoch: Number(epoch), holder, number: number === undefined ? undefined : Number(number) };
}
