/**
 * What can go wrong on the volume. `code` is stable and means the same in every release; an application maps it
 * to what its protocol says.
 */
export class VolumeError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The text is not a path of the volume: `.`, `..`, an empty segment, a control character, a backslash, too long. */
export class PathInvalidError extends VolumeError {
  constructor(reason: string) {
    super("PATH_INVALID", reason);
  }
}

/** Nothing a client may see is at that path. */
export class NotFoundError extends VolumeError {
  constructor(path: string, options?: ErrorOptions) {
    super("NOT_FOUND", `There is nothing at ${path}.`, options);
  }
}

/** A directory is where a file was asked for. */
export class IsDirectoryError extends VolumeError {
  constructor(path: string, options?: ErrorOptions) {
    super("IS_DIRECTORY", `${path} is a directory.`, options);
  }
}

/** A path leads through, or names, something that is not a directory. */
export class NotDirectoryError extends VolumeError {
  constructor(path: string, options?: ErrorOptions) {
    super("NOT_A_DIRECTORY", `${path} leads through something that is not a directory.`, options);
  }
}

/** What stands at the path is neither file nor directory (a symbolic link, a socket), and is left alone. */
export class NotRegularError extends VolumeError {
  constructor(path: string) {
    super("NOT_A_FILE", `What stands at ${path} is neither a file nor a directory; it is left alone.`);
  }
}

/** The name is taken and may not be replaced. */
export class AlreadyExistsError extends VolumeError {
  constructor(path: string) {
    super("ALREADY_EXISTS", `${path} exists already.`);
  }
}

/** A directory with entries is removed only when asked for with everything in it. */
export class DirectoryNotEmptyError extends VolumeError {
  constructor(path: string, options?: ErrorOptions) {
    super("DIRECTORY_NOT_EMPTY", `${path} is not empty.`, options);
  }
}

/** The directory a new one should stand in does not exist. */
export class ParentMissingError extends VolumeError {
  constructor(path: string, options?: ErrorOptions) {
    super("PARENT_MISSING", `The directory that ${path} should stand in does not exist.`, options);
  }
}

/** The volume's root cannot be removed. */
export class RootProtectedError extends VolumeError {
  constructor() {
    super("ROOT_PROTECTED", "The root of the volume cannot be removed.");
  }
}

/** The caller's condition on the current version did not hold at the moment of the change. */
export class ConditionFailedError extends VolumeError {
  constructor(path: string) {
    super("PRECONDITION_FAILED", `The condition on the current version of ${path} does not hold.`);
  }
}

/** The bytes are more than was allowed. */
export class TooLargeError extends VolumeError {
  constructor(limit: number) {
    super("TOO_LARGE", `The file is larger than the ${limit} bytes allowed.`);
  }
}

/** The disk is full, over its quota, or would fall below the free-space floor. */
export class InsufficientStorageError extends VolumeError {
  constructor(options?: ErrorOptions) {
    super("INSUFFICIENT_STORAGE", "There is not enough free space on the volume.", options);
  }
}

/** The volume can be read but not written by this process. */
export class ReadOnlyError extends VolumeError {
  constructor(options?: ErrorOptions) {
    super("VOLUME_READ_ONLY", "The volume cannot be written.", options);
  }
}

/** Another file system is mounted there, inside the volume: it is read, and listed, but nothing can be published on it. */
export class MountedError extends VolumeError {
  constructor(path: string, options?: ErrorOptions) {
    const reason = "another file system is mounted inside the volume there";
    super("MOUNTED_INSIDE", `${path} cannot be changed: ${reason}.`, options);
  }
}

/** The operating system does not let this process at what stands there. */
export class PermissionError extends VolumeError {
  constructor(path: string, options?: ErrorOptions) {
    super("PERMISSION_DENIED", `The service has no permission for ${path} on the volume.`, options);
  }
}

/** The volume is not there: not mounted, removed, or a disk error. */
export class UnavailableError extends VolumeError {
  constructor(options?: ErrorOptions) {
    super("VOLUME_UNAVAILABLE", "The volume is not available.", options);
  }
}

/** Another process holds the lock on publications for longer than anybody should wait. */
export class BusyError extends VolumeError {
  constructor() {
    super("VOLUME_BUSY", "Another process has held the volume's lock for too long; try again.");
  }
}

/** What the operating system said, in the volume's words; anything unknown is passed through as it came. */
export function fromSystem(error: unknown, path: string): unknown {
  const options = { cause: error };
  switch (sqliteErrno(error) ?? errno(error)) {
    case "ENOENT":
    case "ELOOP": // a symbolic link: O_NOFOLLOW refused it, and a client cannot see it
    case "ENXIO": // a socket, or a FIFO nobody writes to
      return new NotFoundError(path, options);
    case "ENOTDIR":
      return new NotDirectoryError(path, options);
    case "EISDIR": // one stands there since we looked, or in its place what is none
      return new IsDirectoryError(path, options);
    case "ENOTEMPTY":
      return new DirectoryNotEmptyError(path, options);
    case "ENAMETOOLONG":
      return new PathInvalidError("A segment is longer than the volume's file system allows.");
    case "ENOSPC":
    case "EDQUOT":
      return new InsufficientStorageError(options);
    case "EROFS":
      return new ReadOnlyError(options);
    case "EXDEV":
    case "EBUSY": // the mount point itself
      return new MountedError(path, options);
    case "EACCES":
    case "EPERM":
      return new PermissionError(path, options);
    case "EIO":
    case "ESTALE":
    case "ENOTCONN":
      return new UnavailableError(options);
    default:
      return error;
  }
}

/** Takes one error of the system for an answer: undefined. For `catch`. */
export function unless(code: string): (error: unknown) => undefined {
  return (error) => {
    if (errno(error) !== code) throw error;
  };
}

/** Whether a publication failed because something, be it a directory, has the name, so that another may do. */
export function isNameTaken(error: unknown): boolean {
  return [AlreadyExistsError, IsDirectoryError, NotRegularError].some((kind) => error instanceof kind);
}

/** The `code` of a system error (`ENOENT`, `EEXIST`, …), or undefined. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** The lock files are SQLite's, which has numbers of its own for what the system said. */
function sqliteErrno(error: unknown): string | undefined {
  if (!(error instanceof Error && "errcode" in error && typeof error.errcode === "number")) return undefined;
  const names: Record<number, string> = { 8: "EROFS", 10: "EIO", 13: "ENOSPC", 14: "EACCES" };
  return names[error.errcode & 0xff];
}
