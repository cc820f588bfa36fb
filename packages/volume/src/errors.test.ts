import { expect, test } from "vitest";

import * as errors from "./errors.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

test.each([
  ["ENOENT", errors.NotFoundError, "NOT_FOUND"],
  ["ELOOP", errors.NotFoundError, "NOT_FOUND"],
  ["ENXIO", errors.NotFoundError, "NOT_FOUND"],
  ["ENOTDIR", errors.NotDirectoryError, "NOT_A_DIRECTORY"],
  ["ENOTEMPTY", errors.DirectoryNotEmptyError, "DIRECTORY_NOT_EMPTY"],
  ["ENAMETOOLONG", errors.PathInvalidError, "PATH_INVALID"],
  ["ENOSPC", errors.InsufficientStorageError, "INSUFFICIENT_STORAGE"],
  ["EDQUOT", errors.InsufficientStorageError, "INSUFFICIENT_STORAGE"],
  ["EROFS", errors.ReadOnlyError, "VOLUME_READ_ONLY"],
  ["EACCES", errors.PermissionError, "PERMISSION_DENIED"],
  ["EPERM", errors.PermissionError, "PERMISSION_DENIED"],
  ["EXDEV", errors.MountedError, "MOUNTED_INSIDE"],
  ["EBUSY", errors.MountedError, "MOUNTED_INSIDE"],
  ["EIO", errors.UnavailableError, "VOLUME_UNAVAILABLE"],
  ["ESTALE", errors.UnavailableError, "VOLUME_UNAVAILABLE"],
  ["ENOTCONN", errors.UnavailableError, "VOLUME_UNAVAILABLE"],
])("%s becomes the volume's own error, with the code that applications map", (code, type, stableCode) => {
  const translated = errors.fromSystem(systemError(code), "/path");
  expect(translated).toBeInstanceOf(type);
  expect(translated).toMatchObject({ name: type.name, code: stableCode });
});

test.each([
  ["an unknown code of the system", systemError("EMFILE")],
  ["an error of no system", new TypeError("a mistake")],
  ["an error of the volume", new errors.AlreadyExistsError("/path")],
  ["what is no error", "text"],
])("%s stays what it is", (_, error) => {
  expect(errors.fromSystem(error, "/path")).toBe(error);
});

test("the system's error stays reachable as the cause, and its text out of the message", () => {
  const error = systemError("ENOSPC");
  const translated = errors.fromSystem(error, "/path");
  expect(translated).toMatchObject({ cause: error, message: expect.not.stringContaining("ENOSPC") });
});
