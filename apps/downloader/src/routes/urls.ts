/** The collection of all downloads. */
export const DOWNLOADS_URL = "/downloads";

/** One download. */
export const DOWNLOAD_URL = `${DOWNLOADS_URL}/:id`;
