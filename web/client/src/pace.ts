/** When to come back: a random moment, so that all who were cut off at once do not return at once. */

const FIRST_MS = 500;
const CAP_MS = 20_000;
/** Full jitter can come out near zero; nobody dials twice within this. */
const FLOOR_MS = 100;

/** Milliseconds until attempt `attempt` (0: the first after a failure): full jitter, 0.5 s doubling up to 20 s. */
export function pace(attempt: number, random: () => number = Math.random): number {
  const most = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(Math.max(attempt, 0), 16));
  return FLOOR_MS + random() * (most - FLOOR_MS);
}

/** The longest that anybody waits who does not know when it is over. */
const SPREAD_MAX_MS = 45_000;

/**
 * The same for one who holds a connection, and has been away for `away` ms: from half of that to all of it. How many wait nobody here knows, so
 * that the crowd is spread by the one thing that all of it has seen: ten thousand that were away for a minute come back at 350 a second at most, and
 * nobody waits longer for them than the outage was.
 */
export const spread = (away: number, random: () => number = Math.random): number => Math.min(Math.max(away, FIRST_MS), SPREAD_MAX_MS) * (1 + random()) / 2;
