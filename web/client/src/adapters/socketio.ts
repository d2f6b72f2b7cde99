/** Socket.IO: `paced(io.Manager or socket.io)`. Its own jitter is lost at the cap, so its timer is given our delay. */
import { delay } from './delay.js';

interface Manager {
  reconnectionAttempts(n: number): unknown;
  reconnectionDelay(ms: number): unknown;
  reconnectionDelayMax(ms: number): unknown;
  randomizationFactor(f: number): unknown;
  on(event: 'reconnect_attempt' | 'close' | 'reconnect_error', handler: (n?: unknown) => void): unknown;
}

export function paced<M extends Manager>(manager: M): M {
  let attempt = 0;
  const set = () => {
    const ms = delay(attempt);
    manager.reconnectionDelayMax(ms);
    manager.reconnectionDelay(ms);
  };
  manager.reconnectionAttempts(Infinity);
  manager.randomizationFactor(0);
  set();
  manager.on('close', () => { attempt = 0; set(); });
  manager.on('reconnect_attempt', () => { attempt += 1; set(); });
  return manager;
}
