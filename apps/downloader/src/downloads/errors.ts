/** The text is no absolute URL. */
export class UrlInvalidError extends Error {
  readonly code = "URL_INVALID";

  constructor(detail: string) {
    super(detail);
    this.name = "UrlInvalidError";
  }
}

/** The guard lets nobody fetch that URL. The message tells what kind of thing is refused, never what is there. */
export class UrlForbiddenError extends Error {
  readonly code = "URL_FORBIDDEN";

  constructor(detail: string) {
    super(detail);
    this.name = "UrlForbiddenError";
  }
}

/** The guard lets nobody connect to where a name or a redirect leads. */
export class AddressForbiddenError extends Error {
  readonly code = "ADDRESS_FORBIDDEN";

  constructor(detail = "The URL leads to an address that downloads may not be made from.") {
    super(detail);
    this.name = "AddressForbiddenError";
  }
}

/** A request header that a client may not choose, or that is none. */
export class HeaderForbiddenError extends Error {
  readonly code = "HEADER_FORBIDDEN";

  constructor(detail: string) {
    super(detail);
    this.name = "HeaderForbiddenError";
  }
}

/** The text is no checksum this service can verify. */
export class ChecksumInvalidError extends Error {
  readonly code = "CHECKSUM_INVALID";

  constructor(detail: string) {
    super(detail);
    this.name = "ChecksumInvalidError";
  }
}

/** There is no such download. */
export class DownloadUnknownError extends Error {
  readonly code = "DOWNLOAD_UNKNOWN";

  constructor(id: string) {
    super(`There is no download ${id}.`);
    this.name = "DownloadUnknownError";
  }
}

/** This worker has no right to the download any more: it was removed, or another one has taken it over. */
export class LeaseLostError extends Error {
  readonly code = "LEASE_LOST";

  constructor() {
    super("The download was removed or taken over.");
    this.name = "LeaseLostError";
  }
}

/** The process is about to end; the download goes on elsewhere or later. */
export class ShutdownError extends Error {
  readonly code = "SHUTDOWN";

  constructor() {
    super("The process is about to end.");
    this.name = "ShutdownError";
  }
}

/** Why an attempt did not bring the file. The message is for the person who asked, and names nothing internal. */
export class AttemptError extends Error {
  readonly code: string;
  /** Whether another attempt may fare better. */
  readonly isTransient: boolean;
  /** How long the source asked to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    detail: string,
    options: { isTransient?: boolean; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = "AttemptError";
    this.code = code;
    this.isTransient = options.isTransient ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
