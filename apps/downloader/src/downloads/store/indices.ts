/** What both databases find downloads by. */
export const INDICES = `
  -- What can be started at once, in the order in which each owner's is worked off; in all, and for each host.
  CREATE INDEX downloads_ready ON downloads (owner, priority DESC, sequence, host)
    WHERE state = 'queued' AND not_before = 0 AND worker IS NULL;
  CREATE INDEX downloads_ready_hosts ON downloads (owner, host, priority DESC, sequence)
    WHERE state = 'queued' AND not_before = 0 AND worker IS NULL;
  CREATE INDEX downloads_waiting ON downloads (not_before)
    WHERE state = 'queued' AND not_before > 0 AND worker IS NULL;
  CREATE INDEX downloads_leased ON downloads (lease_until, state, owner, host)
    WHERE worker IS NOT NULL AND state IN ('queued', 'running');
  CREATE INDEX downloads_sums ON downloads (state, bytes);
  CREATE INDEX downloads_history ON downloads (revision, sequence);
  CREATE INDEX downloads_webhooks ON downloads (webhook_due) WHERE webhook_due IS NOT NULL;
  CREATE UNIQUE INDEX downloads_idempotency ON downloads (owner, idempotency_key, idempotency_index)
    WHERE idempotency_key IS NOT NULL;
  CREATE INDEX removals_history ON removals (revision, sequence);
  CREATE INDEX removals_ids ON removals (id);
  CREATE INDEX removals_age ON removals (removed_at);
  CREATE INDEX removals_idempotency ON removals (owner, idempotency_key) WHERE idempotency_key IS NOT NULL;`;
