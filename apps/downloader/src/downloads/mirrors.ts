import type { Download, RequestHeaders } from "./download.ts";
import { isVerifiable } from "./working-file.ts";

/** Somewhere the file can be had. */
export interface Mirror {
  /** Whom to ask: what the client named, then whoever has answered in its place. */
  url: string;
  /** The client's own headers, as far as they may be sent there. */
  headers: RequestHeaders;
  /** How many connections bring bytes from there. */
  connections: number;
  /** Whether bytes of this attempt are from there. */
  hasServed: boolean;
}

/**
 * Where a download's bytes can be had, in the order to try them in.
 *
 * Bytes of several mirrors are joined only when the whole file can be verified; should it be wrong then, they are not
 * any more.
 */
export class Mirrors {
  #usable: Mirror[];
  #areJoined: boolean;

  constructor(download: Pick<Download, "url" | "mirrors" | "headers" | "size" | "checksum" | "pieces">) {
    const { url, mirrors, headers } = download;
    this.#usable = [url, ...mirrors].map((each, index) => ({
      url: each,
      // They are meant for the origin of the one URL they came with.
      headers: index === 0 ? headers : {},
      connections: 0,
      hasServed: false,
    }));
    this.#areJoined = isVerifiable(download);
  }

  /** The one to begin with; undefined when none is left. */
  get first(): Mirror | undefined {
    return this.#usable[0];
  }

  /** Where another connection should be made to, beside those that are there. */
  another(current: Mirror): Mirror {
    if (!this.#areJoined) return current;
    const [idlest = current] = this.#usable.toSorted((a, b) => a.connections - b.connections);
    return idlest;
  }

  /** Gives up on one; false when it was the last. */
  drop(mirror: Mirror): boolean {
    this.#usable = this.#usable.filter((each) => each !== mirror);
    return this.#usable.length > 0;
  }

  /**
   * Draws the consequence of bytes that were wrong: from one mirror alone it is not asked again; from several they are
   * asked one by one from now on. False when nothing is left to try.
   */
  distrust(): boolean {
    const served = this.#usable.filter(({ hasServed }) => hasServed);
    for (const mirror of this.#usable) mirror.hasServed = false;
    const [only] = served;
    if (served.length === 1 && only) return this.drop(only);
    const couldHelp = this.#areJoined && served.length > 1;
    this.#areJoined = false;
    return couldHelp;
  }
}
