import type { NewDownload, RequestHeaders } from "./download.ts";
import { isVerifiable } from "./working-file.ts";

/** Whom to ask, and with what of the client's own headers. */
export interface Target {
  readonly url: string;
  readonly headers: RequestHeaders;
}

/** Somewhere the file can be had. */
export interface Mirror extends Target {
  /** Who has answered in its place, after redirects: what further connections are made to. */
  answered: Target | undefined;
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
  #hasEarlier: boolean;

  /** @param hasEarlier whether bytes are there already, and nobody knows from whom */
  constructor(
    download: Pick<NewDownload, "url" | "mirrors" | "headers" | "size" | "checksum" | "pieces">,
    hasEarlier: boolean,
  ) {
    const { url, mirrors, headers } = download;
    this.#usable = [url, ...mirrors].map((each, index) => ({
      url: each,
      // They are meant for the origin of the one URL they came with.
      headers: index === 0 ? headers : {},
      answered: undefined,
      connections: 0,
      hasServed: false,
    }));
    this.#areJoined = isVerifiable(download);
    this.#hasEarlier = hasEarlier;
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
   * Draws the consequence of bytes that were wrong: from one mirror alone it is not asked again; from several, or from
   * nobody knows whom, they are asked one by one from now on. False when nothing is left to try.
   */
  distrust(): boolean {
    const served = this.#usable.filter(({ hasServed }) => hasServed);
    for (const mirror of this.#usable) mirror.hasServed = false;
    const [only] = served;
    const areSeveral = served.length > 1 || (this.#hasEarlier && this.#areJoined);
    this.#hasEarlier = false;
    if (areSeveral) {
      const couldHelp = this.#areJoined;
      this.#areJoined = false;
      return couldHelp;
    }
    return only !== undefined && this.drop(only);
  }
}
