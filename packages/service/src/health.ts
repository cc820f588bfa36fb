import type { FastifyInstance } from "fastify";

import { HttpError, sendProblem } from "./problem.ts";

/** What a service needs to do its work; a check throws what is wrong. */
export type Checks = Readonly<Record<string, () => Promise<void>>>;

const CHECK_TIMEOUT_MS = 3_000;

/** Whether the process is to be sent requests. */
export class Health {
  /** True from the moment the process was asked to end. */
  isDraining = false;
  readonly #checks: Checks;

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  /** What keeps the process from its work, by check; empty when nothing does. */
  async failures(): Promise<Record<string, string>> {
    const results = await Promise.all(
      Object.entries(this.#checks).map(async ([name, check]) => [name, await failureOf(check)] as const),
    );
    if (this.isDraining) results.push(["shutdown", "The process is about to end."]);
    return Object.fromEntries(
      results.filter((result): result is [string, string] => result[1] !== undefined),
    );
  }
}

async function failureOf(check: () => Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("No answer in time.")), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check(), overdue]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * `/livez`: the process answers, whatever becomes of what it depends on, so that a full disk never has it restarted.
 * `/readyz`: it can do its work; 503 with the failing checks otherwise.
 */
export function addHealthRoutes(app: FastifyInstance, health: Health): void {
  const options = { logLevel: "warn", schema: { tags: ["health"] } } as const;
  app.get(
    "/livez",
    { ...options, schema: { ...options.schema, summary: "Whether the process answers" } },
    () => ({
      status: "ok",
    }),
  );
  app.get(
    "/readyz",
    { ...options, schema: { ...options.schema, summary: "Whether it can do its work" } },
    async (request, reply) => {
      const checks = await health.failures();
      if (Object.keys(checks).length === 0) return { status: "ok" };
      const detail = Object.values(checks).join(" ");
      return sendProblem(request, reply, new HttpError(503, "NOT_READY", detail, { members: { checks } }));
    },
  );
}
