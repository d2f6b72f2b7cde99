// TanStack Query: a mutation with its default function, retried three times, kept over a reload while it is paused, and resumed, which is what
// its guide says about mutations offline and their persistence.
import { MutationCache, QueryClient } from '@tanstack/query-core';
import { persistQueryClient } from '@tanstack/query-persist-client-core';
import { createSyncStoragePersister } from '@tanstack/query-sync-storage-persister';
import { post, tell, told } from './told.mjs';

const client = new QueryClient({
  mutationCache: new MutationCache({ onSuccess: (_, { n }) => tell(n, 'done'), onError: (_, { n }) => tell(n, 'failed') }),
  defaultOptions: { mutations: { retry: 3, gcTime: 86_400_000 } },
});
client.setMutationDefaults(['order'], { mutationFn: ({ n }) => post(n) });
const [, restored] = persistQueryClient({ queryClient: client, persister: createSyncStoragePersister({ storage: window.localStorage }) });
void restored.then(() => client.resumePausedMutations());

const cache = client.getMutationCache();
const open = () => cache.getAll().filter(m => m.state.status === 'pending');
window.order = n => { void cache.build(client, client.defaultMutationOptions({ mutationKey: ['order'] })).execute({ n }).catch(() => {}); };
window.states = () => ({ ...told(), ...Object.fromEntries(open().map(m => [m.state.variables.n, m.state.isPaused ? 'kept' : 'waiting'])) });
window.pending = () => open().length;
