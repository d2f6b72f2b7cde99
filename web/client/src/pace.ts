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
