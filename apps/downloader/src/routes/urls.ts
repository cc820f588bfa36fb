/** The collection of all downloads. */
export const DOWNLOADS_URL = "/downloads";

/** One download. */
export const DOWNLOAD_URL = `${DOWNLOADS_URL}/:id`;

/** What becomes of all downloads, as it happens. */
export const EVENTS_URL = `${DOWNLOADS_URL}/events`;

/** What becomes of one. */
export const DOWNLOAD_EVENTS_URL = `${DOWNLOAD_URL}/events`;
