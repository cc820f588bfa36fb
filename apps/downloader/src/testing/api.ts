import type { DownloadBody } from "../routes/download-schema.ts";

/** Nothing answers there, and nothing is asked: downloads of it are not due before {@link LATER}. */
export const NOWHERE = "https://example.com/a.bin";
export const LATER = new Date(Date.now() + 3_600_000).toISOString();

/** A page of a listing. */
export interface Page {
  readonly downloads: DownloadBody[];
  readonly next: string | null;
}

/** What an error is answered with. */
export interface Problem {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
}

/** What a submission of several is answered with. */
export interface Results {
  readonly results: readonly {
    readonly status: number;
    readonly problem?: Problem;
    readonly download?: DownloadBody;
  }[];
}
