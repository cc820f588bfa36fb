import type { Image } from "./images.ts";

/** Both images as tests deploy them. */
export const images: readonly Image[] = [
  {
    service: "fileserver",
    source: "wharf/fileserver:dev",
    name: "wharf.internal/fileserver",
    tag: "dev-0123456789ab",
  },
  {
    service: "downloader",
    source: "wharf/downloader:dev",
    name: "wharf.internal/downloader",
    tag: "dev-ba9876543210",
  },
];
