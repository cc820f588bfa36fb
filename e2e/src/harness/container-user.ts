import { images } from "./environment.ts";

/** The user that the images are made for. */
const IMAGE_USER = { uid: 65532, gid: 65532 };

/** Who containers run as; undefined for services from source, which run as whoever runs the suites. */
export const containerUser: { readonly uid: number; readonly gid: number } | undefined =
  images === undefined ? undefined : currentUser();

/** Only root can give its folders to the images' user: for others, the containers run as they do. */
function currentUser(): { uid: number; gid: number } {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return uid === 0 ? IMAGE_USER : { uid, gid };
}

// What the suites put into a volume is to be the containers' to change, too.
if (containerUser) process.umask(0);
