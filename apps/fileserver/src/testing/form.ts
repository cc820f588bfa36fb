export const BOUNDARY = "----boundary";
export const FORM_TYPE = { "content-type": `multipart/form-data; boundary=${BOUNDARY}` };

/** A part of a form: a plain field, or a file when it has a file name (which may be empty). */
export interface Part {
  readonly name: string;
  /** Written as it is; browsers have escaped quotes by now. */
  readonly filename?: string | Buffer;
  readonly body: string | Buffer;
}

/** A form as browsers and curl send it. */
export function form(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Buffer {
  const pieces = parts.flatMap(({ name, filename, body }) => {
    const start = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"`;
    const rest =
      filename === undefined ? [] : ['; filename="', filename, '"\r\nContent-Type: application/octet-stream'];
    return [start, ...rest, "\r\n\r\n", body, "\r\n"].map((piece) => Buffer.from(piece));
  });
  return Buffer.concat([...pieces, Buffer.from(end)]);
}

/** A part with a file, in a field called `file`. */
export function file(filename: string | Buffer, body: string | Buffer = "body"): Part {
  return { name: "file", filename, body };
}
