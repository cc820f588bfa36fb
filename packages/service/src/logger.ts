import { pino, type Logger } from "pino";
import { PinoPretty } from "pino-pretty";

export type { Logger };

/** The log on standard output: JSON, or lines for a person. */
export function createLogger(options: { name: string; level: string; format: "pretty" | "json" }): Logger {
  const { name, level, format } = options;
  const destination =
    format === "pretty"
      ? PinoPretty({ sync: true, ignore: "pid,hostname,name,requestId", messageFormat: `${name}: {msg}` })
      : pino.destination({ dest: 1, sync: true });
  return pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}
