/** What the adapters share: honest pacing for libraries that keep their own transport. */
import { on } from '../bus.js';
import { pace, spread } from '../pace.js';

let slotAt = 0, since: number | null = null;
on('slot', ms => { slotAt = Date.now() + ms; });
on('state', state => { since = state.unreachableSince; });

/** Ms until attempt `attempt` (0: the first after a failure): full jitter that survives the cap, as long as the outage makes it where the page
 * knows of one, and never before the moment that the server has given this client. */
export const delay = (attempt: number): number => Math.max(pace(attempt), since === null ? 0 : spread(Date.now() - since), slotAt - Date.now());
