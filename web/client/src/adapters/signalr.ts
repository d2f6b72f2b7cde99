/** SignalR: `new HubConnectionBuilder().withAutomaticReconnect(retryPolicy)`. Its own gives up after 42 s. */
import { delay } from './delay.js';

export const retryPolicy = { nextRetryDelayInMilliseconds: ({ previousRetryCount }: { previousRetryCount: number }): number => delay(previousRetryCount) };
