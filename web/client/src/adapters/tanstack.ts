/** TanStack Query: `new QueryClient({ defaultOptions: { queries: retrying } })`. Not for mutations: what may have been done
 * is not repeated without the server's word; that is what `send()` is for. */
import { delay } from './delay.js';

const QUERY_TRIES = 10;
export const retrying = { retry: QUERY_TRIES, retryDelay: (failureCount: number): number => delay(failureCount) };
