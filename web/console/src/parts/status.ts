// One letter per status, everywhere: it names the colour and the glyph.
import type { Schemas, Status } from '../api';

export const letter: Record<Status, string> = {
  operational: 'o', under_maintenance: 'm', unknown: 'u', degraded_performance: 'd', partial_outage: 'p', major_outage: 'x',
};
export const ofImpact: Record<Schemas['ImpactWord'], string> = { none: 'u', minor: 'd', major: 'p', critical: 'x' };
export const ofOutcome: Record<Schemas['OutcomeWord'], string> = { up: 'o', slow: 'd', down: 'x', unknown: 'u' };
/** In the order in which a day's milliseconds are given. */
export const ORDER: Status[] = ['operational', 'under_maintenance', 'unknown', 'degraded_performance', 'partial_outage', 'major_outage'];
export const gravity = (s: Status): number => ORDER.indexOf(s);
