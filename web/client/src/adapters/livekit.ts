/** LiveKit: `new Room({ reconnectPolicy })`. Its own gives up after 36 to 52 s. */
import { delay } from './delay.js';

export const reconnectPolicy = { nextRetryDelayInMs: ({ retryCount }: { retryCount: number }): number => delay(retryCount) };
