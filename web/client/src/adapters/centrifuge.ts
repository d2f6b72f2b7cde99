/** Centrifuge: `paced(new Centrifuge(url))`. Its own is the best of them; what it lacks is the server's word on when. */
import { delay } from './delay.js';

/** Methods that the library's own types hide. */
interface Inner { _getReconnectDelay?: () => number; on(event: 'connected', handler: () => void): unknown }

export function paced<C extends object>(client: C): C {
  const inner = client as unknown as Inner;
  let attempt = 0;
  inner.on('connected', () => { attempt = 0; });
  if (inner._getReconnectDelay) inner._getReconnectDelay = () => delay(attempt++);
  return client;
}
