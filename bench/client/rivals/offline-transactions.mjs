// TanStack's offline transactions: an outbox on disk with a key for each of them, which the application hands to its server.
import { createCollection, localOnlyCollectionOptions } from '@tanstack/db';
import { startOfflineExecutor } from '@tanstack/offline-transactions';
import { post, tell, told } from './told.mjs';

const orders = createCollection(localOnlyCollectionOptions({ id: 'orders', getKey: o => o.n }));
const offline = startOfflineExecutor({
  collections: { orders },
  mutationFns: {
    async place({ transaction, idempotencyKey }) {
      for (const { modified } of transaction.mutations) {
        await post(modified.n, { 'idempotency-key': idempotencyKey });
        tell(modified.n, 'done');
      }
    },
  },
});
// Before that it would send at once and keep nothing.
await offline.waitForInit();
let open = {};
const look = async () => { open = Object.fromEntries((await offline.peekOutbox()).flatMap(t => t.mutations.map(m => [m.modified.n, 'kept']))); };
window.order = n => {
  open[n] = 'waiting';
  const it = offline.createOfflineTransaction({ mutationFnName: 'place', autoCommit: false });
  it.mutate(() => { if (!orders.has(n)) orders.insert({ n }); });
  void it.commit().catch(() => {});
};
window.states = async () => { await look(); return { ...open, ...told() }; };
window.pending = async () => { await look(); return Object.keys(open).length; };
