import type { Image } from "./images.ts";

/** Both images as tests deploy them. */
export const images: readonly Image[] = [
  {
    service: "fileserver",
    source: "wharf/fileserver:dev",
    name: "wharf/fileserver",
    tag: "dev-0123456789ab",
  },
  {
    service: "downloader",
    source: "wharf/downloader:dev",
    name: "wharf/downloader",
    tag: "dev-ba9876543210",
  },
];
