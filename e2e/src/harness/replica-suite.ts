import { afterAll, beforeAll } from "vitest";

import { useFolder } from "./folder.ts";
import { Replicas } from "./replicas.ts";
import type { Environment } from "./service.ts";
import { replicaEnvironment, type StoreKind } from "./stores.ts";

/** What a suite of replicas works with, from its first test on. */
export interface ReplicaSuite {
  /** The folder that all of them write to. */
  readonly volume: { readonly path: string };
  readonly replicas: Replicas;
}

/**
 * Three downloaders on one volume and one store, for the suite that calls this.
 *
 * @param env what they are told besides
 */
export function useReplicas(kind: StoreKind, leaseMs: number, env: Environment = {}): ReplicaSuite {
  const volume = useFolder();
  const opened = new AsyncDisposableStack();
  let replicas: Replicas | undefined;
  beforeAll(async () => {
    const database = await kind.startDatabase();
    opened.defer(() => database?.close());
    const started = await Replicas.start(3, {
      ...replicaEnvironment(volume.path, leaseMs, database),
      ...env,
    });
    opened.defer(() => started.close());
    replicas = started;
  });
  afterAll(() => opened.disposeAsync());
  return {
    volume,
    get replicas(): Replicas {
      if (!replicas) throw new Error("the replicas are started before the first test, and not sooner");
      return replicas;
    },
  };
}
