/** What the adapters share: honest pacing for libraries that keep their own transport. */
import { on } from '../bus.js';
import { pace } from '../pace.js';

let slotAt = 0;
on('slot', ms => { slotAt = Date.now() + ms; });

/** Ms until attempt `attempt` (0: the first after a failure): full jitter that survives the cap, and never before the
 * moment that the server has given this client. */
export const delay = (attempt: number): number => Math.max(pace(attempt), slotAt - Date.now());
