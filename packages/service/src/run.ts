import { setTimeout as sleep } from "node:timers/promises";

import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";

import type { App } from "./app.ts";
import { ConfigError, type Environment } from "./config.ts";
import { untilDelivered } from "./connections.ts";
import type { Health } from "./health.ts";
import { createLogger, type Logger } from "./logger.ts";
import { createManagementApp, createRegistry } from "./metrics.ts";
import type { ServiceConfig } from "./service-config.ts";
import { takeSignals } from "./signals.ts";

/** What an application is built from beyond its own configuration. */
export interface Foundation {
  readonly logger: Logger;
  readonly registry: Registry;
}

/** An application that is ready to listen. */
export interface Service {
  readonly app: App;
  readonly health: Health;
  /** Lets go of what the application holds, after the last request was answered. */
  readonly close: () => Promise<void>;
}

/** How long Ctrl-C waits for requests: at a terminal a prompt matters more than a transfer, and nothing is lost. */
const INTERRUPT_GRACE_MS = 500;
/** How long the end of a service may take after its last request: a disk that hangs must not keep the process. */
const CLOSE_LIMIT_MS = 3_000;

/**
 * Runs a service as this process: configuration, listening, signals, the end.
 *
 * Before it has started, signals are `endAtOnce`'s. SIGTERM then, as a cluster sends it: not ready but still serving for the delay, then no new connections and what runs is
 * finished within the grace. SIGINT, as Ctrl-C sends it: the same at once, within half a second, also after a SIGTERM.
 */
export async function runService<C extends ServiceConfig>(
  host: NodeJS.Process,
  name: string,
  parseConfig: (env: Environment) => C,
  build: (config: C, foundation: Foundation) => Promise<Service>,
): Promise<void> {
  let config: C;
  try {
    config = parseConfig(host.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return exitWith(host, `${name}: ${error.message}`);
  }
  const format = config.logFormat ?? (host.stdout.isTTY ? "pretty" : "json");
  const logger = createLogger({ name, level: config.logLevel, format });
  const registry = createRegistry();

  try {
    const service = await build(config, { logger, registry });
    const management = createManagementApp(service.health, registry);
    // Before anybody can know that there is something to end.
    endOnSignals(host, logger, config, service, management);
    if (config.metricsPort !== undefined) {
      const { metricsPort: port, metricsHost = config.host } = config;
      logger.info(`management listens on ${await management.listen({ host: metricsHost, port })}`);
    }
    const listenTextResolver = (address: string): string => `${name} listens on ${address}`;
    await service.app.listen({ host: config.host, port: config.port, listenTextResolver });
  } catch (error) {
    logger.fatal({ err: error });
    return exitWith(host, `${name}: ${startFailure(error)}`);
  }
}

function endOnSignals(
  host: NodeJS.Process,
  logger: Logger,
  config: ServiceConfig,
  service: Service,
  management: FastifyInstance,
): void {
  const interrupted = new AbortController();
  const cutOff = new AbortController();
  let hasClosed = false;
  const cutOffAfter = (graceMs: number): NodeJS.Timeout =>
    setTimeout(() => {
      cutOff.abort();
      if (hasClosed)
        return logger.warn("what was answered had not reached everybody at the end of the grace");
      logger.warn("requests were still running at the end of the grace");
      return service.app.server.closeAllConnections();
    }, graceMs);
  const end = async (delayMs: number): Promise<void> => {
    service.health.isDraining = true;
    // Only an interruption ends it before its time.
    await sleep(delayMs, undefined, { signal: interrupted.signal }).catch(() => undefined);
    const deadline = cutOffAfter(config.shutdownGraceMs);
    const address = service.app.server.address();
    await service.app.close();
    hasClosed = true;
    if (address !== null && typeof address === "object") await untilDelivered(address.port, cutOff.signal);
    clearTimeout(deadline);
    await withinLimit(Promise.all([service.close(), management.close()]));
    logger.info("ended");
    host.exit(0);
  };
  const begin = (delayMs: number): void => {
    if (service.health.isDraining) return;
    end(delayMs).catch((error: unknown) => {
      logger.fatal({ err: error }, "could not end in order");
      host.exit(1);
    });
  };
  takeSignals(host);
  host.on("SIGTERM", () => begin(config.shutdownDelayMs));
  host.on("SIGINT", () => {
    interrupted.abort();
    cutOffAfter(Math.min(config.shutdownGraceMs, INTERRUPT_GRACE_MS));
    begin(0);
  });
}

async function withinLimit(closing: Promise<unknown>): Promise<void> {
  const overdue = sleep(CLOSE_LIMIT_MS).then(() => {
    throw new Error("What the service holds was not let go of in time.");
  });
  await Promise.race([closing, overdue]);
}

/** What a person who starts the service needs to know; anything else comes as it is. */
function startFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, syscall, path, address, port } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  if (code === "EADDRINUSE")
    return `port ${port} of ${address} is in use; set PORT (or METRICS_PORT) to another.`;
  if (code === "EADDRNOTAVAIL")
    return `${address} is not an address of this machine; set HOST to one that is.`;
  if (syscall !== undefined && path !== undefined) {
    return `cannot use ${path} (${code}); set VOLUME_DIR to a directory that exists, or whose parent does.`;
  }
  return error.message;
}

function exitWith(host: NodeJS.Process, message: string): void {
  host.stderr.write(`${message}\n`);
  host.exitCode = 1;
  host.exit();
}
