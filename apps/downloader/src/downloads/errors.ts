/** What can go wrong with a download. `code` is stable and means the same in every release. */
export class DownloadError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The text is no absolute URL. */
export class UrlInvalidError extends DownloadError {
  constructor(detail: string) {
    super("URL_INVALID", detail);
  }
}

/** The guard lets nobody fetch that URL. The message tells what kind of thing is refused, never what is there. */
export class UrlForbiddenError extends DownloadError {
  constructor(detail: string) {
    super("URL_FORBIDDEN", detail);
  }
}

/** The guard lets nobody connect to where a name leads. */
export class AddressForbiddenError extends DownloadError {
  constructor() {
    super("ADDRESS_FORBIDDEN", "The URL leads to an address that downloads may not be made from.");
  }
}

/** A request header that a client may not choose, or that is none. */
export class HeaderForbiddenError extends DownloadError {
  constructor(detail: string) {
    super("HEADER_FORBIDDEN", detail);
  }
}

/** The text is no checksum this service can verify. */
export class ChecksumInvalidError extends DownloadError {
  constructor(detail: string) {
    super("CHECKSUM_INVALID", detail);
  }
}

/** There is no such download. */
export class DownloadUnknownError extends DownloadError {
  constructor(id: string) {
    super("DOWNLOAD_UNKNOWN", `There is no download ${id}.`);
  }
}

/** The download's state does not allow what a client wants of it. */
export class StateConflictError extends DownloadError {
  constructor(detail: string) {
    super("STATE_CONFLICT", detail);
  }
}

/** An idempotency key came a second time, with another submission. */
export class KeyReusedError extends DownloadError {
  constructor() {
    super("IDEMPOTENCY_KEY_REUSED", "This Idempotency-Key was used for another submission; use a new one.");
  }
}

/** The database that all replicas share cannot be reached. */
export class StoreUnavailableError extends DownloadError {
  constructor(options?: ErrorOptions) {
    super("STORE_UNAVAILABLE", "The database of downloads cannot be reached; try again later.", options);
  }
}

/** This worker has no right to the download any more: it was removed, or another one has taken it over. */
export class LeaseLostError extends DownloadError {
  constructor() {
    super("LEASE_LOST", "The download was removed or taken over.");
  }
}

/** The process is about to end; the download goes on elsewhere or later. */
export class ShutdownError extends DownloadError {
  constructor() {
    super("SHUTDOWN", "The process is about to end.");
  }
}

/** Why an attempt did not bring the file. The message is for the person who asked, and names nothing internal. */
export class AttemptError extends DownloadError {
  /** Whether another attempt may fare better. */
  readonly isTransient: boolean;
  /** How long the source asked to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    detail: string,
    options: { isTransient?: boolean; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(code, detail, { cause: options.cause });
    this.isTransient = options.isTransient ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }
}
