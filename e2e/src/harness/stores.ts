import type { Need } from "./needs.ts";
import { postgres, startPostgres, type Postgres } from "./postgres.ts";
import type { Environment } from "./service.ts";

/** Where downloaders keep their downloads. */
export interface StoreKind {
  readonly name: string;
  readonly need: Need;
  /** Undefined for SQLite on the volume. */
  startDatabase(): Promise<Postgres | undefined>;
}

/** Both of them: what is said of replicas has to hold on each. */
export const storeKinds: readonly StoreKind[] = [
  { name: "SQLite", need: undefined, startDatabase: () => Promise.resolve(undefined) },
  { name: "Postgres", need: postgres(), startDatabase: startPostgres },
];

/** What replicas on one volume are told: everything on this machine may be fetched, and a dead one is missed soon. */
export function replicaEnvironment(volume: string, leaseMs: number, database?: Postgres): Environment {
  return {
    VOLUME_DIR: volume,
    ALLOW_NETWORKS: "127.0.0.0/8",
    ALLOW_PORTS: "*",
    LEASE_MS: `${leaseMs}`,
    ...(database && { DATABASE_URL: database.url }),
  };
}
