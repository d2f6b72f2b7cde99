/** Phoenix and LiveView: `new Socket(url, { reconnectAfterMs, rejoinAfterMs })`, `new LiveSocket(url, Socket, { … })`. Their
 * own tables have no jitter. Tries are counted from 1. */
import { delay } from './delay.js';

export const reconnectAfterMs = (tries: number): number => delay(tries - 1);
export const rejoinAfterMs = reconnectAfterMs;
