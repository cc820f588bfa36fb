import { answer, inTurn, serve } from "../harness/answers.ts";
import { FILE, LIMITS, times, type Row } from "./row.ts";

const TRANSIENT = [408, 425, 429, 500, 502, 503, 504, 520, 599];
const FINAL = [
  [204, "No Content"],
  [205, "Reset Content"],
  [304, "Not Modified"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [402, "Payment Required"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [406, "Not Acceptable"],
  [407, "Proxy Authentication Required"],
  [410, "Gone"],
  [416, "Range Not Satisfiable"],
  [418, "418"],
  [451, "Unavailable For Legal Reasons"],
  [499, "499"],
] as const;

/** Statuses that bring no file, for now or for good. */
export const STATUSES: readonly Row[] = [
  ...TRANSIENT.map((status): Row => ({
    name: `${status} once: asked again`,
    script: inTurn(answer(status, {}, "not now"), serve(FILE)),
    end: { content: FILE },
    asked: times(2),
  })),
  {
    name: "500 each time",
    script: answer(500, {}, "oops"),
    end: { code: "HTTP_STATUS", detail: /500 Internal Server Error/ },
    asked: times(LIMITS.maxAttempts),
  },
  ...FINAL.map(([status, reason]): Row => ({
    name: `${status}: failed at once`,
    script: answer(status, {}, status === 204 || status === 304 ? "" : "an error page, not the file"),
    end: { code: "HTTP_STATUS", detail: new RegExp(`${status}.*${reason}|${reason}`) },
    asked: times(1),
  })),
  {
    name: "a status of another kind altogether",
    script: answer(999, {}, "?"),
    end: { code: "HTTP_STATUS", detail: /999/ },
    asked: times(1),
  },
];
