import { pino, type Logger } from "pino";
import { PinoPretty } from "pino-pretty";

export type { Logger };

/** What a person need not read twice, or at all. */
const IN_MESSAGE = "pid,hostname,name,requestId,method,url,status,ms";

/** The log on standard output: JSON, or lines for a person. */
export function createLogger(options: { name: string; level: string; format: "pretty" | "json" }): Logger {
  const { name, level, format } = options;
  const destination =
    format === "pretty"
      ? PinoPretty({ sync: true, singleLine: true, ignore: IN_MESSAGE, messageFormat: `${name}: {msg}` })
      : pino.destination({ dest: 1, sync: true });
  return pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
