import { testChanges } from "./store-contract/changes.ts";
import { testClaims } from "./store-contract/claims.ts";
import { Fixture, type Open, type Opened } from "./store-contract/fixture.ts";
import { testHistory } from "./store-contract/history.ts";
import { testLeases } from "./store-contract/leases.ts";
import { testSubmissions } from "./store-contract/submissions.ts";
import { testWebhooks } from "./store-contract/webhooks.ts";

export { newDownload } from "./new-download.ts";

/** What every store of downloads does, whatever it is made of. */
export function testStore(openStore: () => Promise<Opened>): void {
  const open: Open = async () => new Fixture(await openStore());
  testSubmissions(open);
  testClaims(open);
  testLeases(open);
  testChanges(open);
  testHistory(open);
  testWebhooks(open);
}
