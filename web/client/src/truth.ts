/**
 * Whose fault is it? A pure state machine: `step` gets what was seen and says what to ask next. No clock, no
 * randomness and no network in here. The behaviour is written down in `docs/client-behaviour.md`.
 */
import { type Notice, newer } from './notice.js';

export type Name = 'ok' | 'slow' | 'down' | 'unknown' | 'you' | 'maintenance' | 'recovering';

/** How the origin answered: itself; the edge in its place (out, too much to do, paused by a person); not at all. */
export type Origin = 'heard' | 'sorry' | 'busy' | 'paused' | 'none';
/** How a mirror answered: with a believed notice; with anything else; not at all; it could not be asked. */
export type Mirror = 'notice' | 'other' | 'none' | 'blocked';

/** `mono` cannot be set and stands still in no tab; `wall` is the visitor's clock. Both in ms; `wall` since 1970. */
export interface Now { mono: number; wall: number }

export interface Config {
  /** Addresses of the notice on other hosts. */
  mirrors: readonly string[];
  /** Address of the notice on the page's own host, when the edge is there. */
  edge?: string;
  /** The id of the service that this page is, as in the notice. */
  service?: string;
}

export type Event =
  | { t: 'start' } | { t: 'stop' } | { t: 'failed' } | { t: 'heard' } | { t: 'hint' } | { t: 'ask' }
  | { t: 'wake'; offline: boolean } | { t: 'offline' } | { t: 'time' }
  | { t: 'silent'; round: number }
  | { t: 'origin'; round: number; answer: Origin; slotMs?: number; waitMs?: number; date?: number }
  | { t: 'mirror'; round: number; url: string; answer: Mirror; notice?: Notice };

export type Effect = { ask: 'origin'; round: number } | { ask: 'notice'; url: string; round: number };

/** Everything known. Times without a name of their own are `mono`. */
export interface Model {
  name: Name;
  since: number;
  leads: boolean;
  round: number;
  roundAt: number;
  /** What this round still waits for. */
  waits: { origin: boolean; mirrors: readonly string[] };
  origin: Origin;
  /** The origin has said nothing for a second, in this round. */
  silent: boolean;
  /** This outage, as seen from here: since when, and since which round. */
  outage: { at: number; round: number } | null;
  mirrors: Readonly<Record<string, { answer: Mirror; round: number }>>;
  /** When each mirror last answered anything (`wall`): only then its silence means something. */
  proven: Readonly<Record<string, number>>;
  held: { notice: Notice; at: number } | null;
  polledAt: number;
  turn: number;
  rounds: number;
  hints: number;
  hintAfter: number;
  /** This round is only because of a hint. */
  hinted: boolean;
  /** Just awake: a failure before this is asked again before it counts. */
  wokeUntil: number;
  again: boolean;
  /** Something speaks for a round, from then on. */
  wantAt: number;
  offline: boolean;
  slot: number | null;
  /** The origin was heard again after an outage: what an older notice says of it is over. */
  heardAt: number;
  waitUntil: number;
  /** Add to `wall`. */
  skewMs: number;
  /** When to send `time`. */
  due: number;
}

/** What is told to the page. Times in ms since 1970 by the visitor's clock. */
export interface State {
  name: Name;
  since: number;
  /** Since when the origin has not answered from here; null: it does. */
  unreachableSince: number | null;
  /** When this page may come back (`recovering`). */
  slot: number | null;
  /** The machine itself says that it has no network. */
  offline: boolean;
  notice: Notice | null;
  /** The notice may pass for the present. */
  inForce: boolean;
  /** What a notice in force says of this page's service, or of the whole without one. */
  says: Says;
}

/** `part`: a part of it is down. `some`: something of the site is, and nobody said that it is this page's part. */
export type Says = 'fine' | 'slow' | 'part' | 'some' | 'down' | 'work' | 'unclear' | null;

export const POLL_MS = 60_000;
const POLL_JITTER_MS = 10_000;
const POLL_TROUBLED_MS = 15_000;
const ROUND_FIRST_MS = 2_000;
const ROUND_MAX_MS = 8_000;
/** Evidence and good news start a round at once, but not more often than this. */
const ROUND_GAP_MS = 1_000;
/** A round is over after this even if an answer never came. Above the 4 s of a mirror. */
const ROUND_END_MS = 6_000;
const AGAIN_MS = 1_000;
/** A radio is back within this. Longer than the origin is waited for. */
const WOKE_MS = 5_000;
const HINT_FIRST_MS = 5_000;
const HINT_MAX_MS = 300_000;
const WAIT_MAX_MS = 60_000;
const SPREAD_MIN_MS = 1_000;
const SPREAD_MAX_MS = 30_000;
const SLOT_MAX_MS = 600_000;
const PROVEN_FOR_MS = 7 * 86_400_000;
/** Dates have whole seconds and networks have delays: below this the clock is right. */
const SKEW_MIN_MS = 60_000;

export const initial: Model = {
  name: 'ok', since: 0, leads: false, round: 0, roundAt: -Infinity, waits: { origin: false, mirrors: [] }, origin: 'heard', silent: false,
  outage: null, mirrors: {}, proven: {}, held: null, polledAt: -Infinity, turn: 0, rounds: 0, hints: 0, hintAfter: -Infinity,
  wokeUntil: -Infinity, again: false, wantAt: Infinity, hinted: false, offline: false, slot: null, heardAt: -Infinity, waitUntil: -Infinity, skewMs: 0, due: Infinity,
};

const sources = (c: Config): string[] => c.edge ? [c.edge, ...c.mirrors] : [...c.mirrors];
const waiting = (m: Model): boolean => m.waits.origin || m.waits.mirrors.length > 0;

/** May the notice pass for the present? By the best clock there is, and by how long we have had it. */
export function inForce(m: Model, now: Now): boolean {
  if (!m.held) return false;
  const made = Date.parse(m.held.notice.made_at), until = Date.parse(m.held.notice.fresh_until), had = now.mono - m.held.at;
  // A signed time in the future proves that the clock is behind.
  return had <= until - made && Math.max(now.wall + m.skewMs, made + had) <= until;
}

export function says(m: Model, now: Now, c: Config): Says {
  if (!m.held || !inForce(m, now)) return null;
  const { notice } = m.held;
  if (c.service !== undefined) {
    const mine = notice.services.find(s => s.id === c.service);
    if (!mine) return notice.services_left_out ? 'unclear' : 'fine';
    return ({ under_maintenance: 'work', unknown: 'unclear', degraded_performance: 'slow', partial_outage: 'part', major_outage: 'down' } as const)[mine.status] ?? 'unclear';
  }
  return ({ operational: 'fine', maintenance: 'work', degraded: 'slow', partial: 'some', major: 'down' } as const)[notice.state] ?? 'unclear';
}

/** Nothing answers, and of what does not, something is known to answer when all is well. */
function nothingAnswers(m: Model, now: Now, c: Config): boolean {
  const { outage } = m;
  if (!outage) return false;
  const asked = sources(c).filter(url => m.mirrors[url]?.answer !== 'blocked');
  const silent = (url: string): boolean => m.mirrors[url]?.answer === 'none' && m.mirrors[url].round >= outage.round;
  const proves = (url: string): boolean => now.wall - (m.proven[url] ?? -Infinity) < PROVEN_FOR_MS && m.mirrors[url]?.answer !== 'blocked';
  return asked.every(silent) && (m.offline || c.mirrors.some(proves));
}

function judge(m: Model, now: Now, c: Config): Name {
  const said = says(m, now, c);
  const confirmed = said === 'down' || said === 'part';
  if (m.waits.origin && m.silent && confirmed) return 'down';
  switch (m.origin) {
    case 'heard':
      if (m.slot !== null) return 'recovering';
      return said === 'down' ? m.held && m.held.at > m.heardAt ? 'down' : 'ok' : said === 'work' ? 'maintenance' : said === 'slow' || said === 'part' || said === 'some' ? 'slow' : 'ok';
    case 'busy': return said === 'down' ? 'down' : 'slow';
    case 'paused': return 'maintenance';
    case 'sorry': return said === 'work' ? 'maintenance' : 'down';
    case 'none': return confirmed ? 'down' : said === 'work' ? 'maintenance' : nothingAnswers(m, now, c) ? 'you' : 'unknown';
  }
}

/** What to do after `event`. Only a tab that leads asks anything. */
export function step(before: Model, event: Event, now: Now, dice: number, c: Config): { model: Model; effects: Effect[] } {
  const m: Model = { ...before };
  const effects: Effect[] = [];
  const t = now.mono;

  const ask = (origin: boolean, urls: readonly string[]): void => {
    m.round += 1;
    m.silent = m.again = false;
    m.waits = { origin, mirrors: urls };
    m.due = t + ROUND_END_MS;
    if (urls.length > 0) m.polledAt = t;
    if (origin) {
      m.roundAt = t;
      m.wantAt = Infinity;
      effects.push({ ask: 'origin', round: m.round });
    }
    effects.push(...urls.map(url => ({ ask: 'notice', url, round: m.round }) as const));
  };
  const round = (): void => {
    const open = m.origin !== 'none' || m.name === 'unknown' || m.name === 'you' || t - m.polledAt >= ROUND_MAX_MS * .75;
    ask(true, open ? sources(c) : []);
  };
  /** A round at once, if the origin is not being asked already; or as soon as it may be asked again. */
  const soon = (at = t): void => {
    if (m.leads && !m.waits.origin) m.wantAt = Math.min(m.wantAt, Math.max(at, m.roundAt + ROUND_GAP_MS));
  };
  const poll = (): void => {
    const all = sources(c);
    const url = all[m.turn++ % all.length];
    if (url !== undefined) ask(false, [url]);
    else m.due = Infinity;
  };
  const stale = (): boolean => t - m.polledAt >= POLL_MS;
  const count = (answer: Origin): void => {
    m.origin = answer;
    if (answer === 'none' || answer === 'sorry' || answer === 'paused') {
      m.outage ??= { at: t, round: m.round };
      m.slot = null;
      m.hints = 0;
    }
  };

  switch (event.t) {
    case 'start':
      m.leads = true;
      if (m.name !== 'ok') round();
      else if (stale()) poll();
      else m.due = m.polledAt + POLL_MS;
      break;
    case 'stop':
      m.leads = false;
      m.wantAt = Infinity;
      m.round += 1;
      m.waits = { origin: false, mirrors: [] };
      m.due = Infinity;
      break;
    case 'offline': m.offline = true; soon(); break;
    case 'wake':
      m.offline = event.offline;
      m.wokeUntil = t + WOKE_MS;
      if (m.name !== 'ok') soon();
      else if (m.leads && !waiting(m) && stale()) poll();
      break;
    case 'failed': case 'ask':
      // A round that is under way, or the next one, answers it too.
      if (m.origin === 'heard' || event.t === 'ask') soon();
      if (event.t === 'failed') m.hinted = false;
      break;
    case 'heard': if (m.origin !== 'heard') soon(); break;
    case 'hint':
      if (m.origin !== 'heard' || m.waits.origin) break;
      m.hinted ||= m.wantAt === Infinity;
      soon(m.hintAfter);
      break;
    case 'silent':
      if (event.round === m.round && m.waits.origin) m.silent = true;
      break;
    case 'origin':
      if (event.round !== m.round || !m.waits.origin) break;
      if (event.date !== undefined) {
        const skew = event.date - now.wall;
        m.skewMs = Math.abs(skew) < SKEW_MIN_MS ? 0 : skew;
      }
      if (event.answer === 'none' && t < m.wokeUntil && m.origin === 'heard') {
        // The radio slept too. The round goes on.
        m.wokeUntil = -Infinity;
        m.again = true;
        m.due = t + AGAIN_MS;
        break;
      }
      m.wokeUntil = -Infinity;
      m.waits = { ...m.waits, origin: false };
      m.waitUntil = t + Math.min(event.waitMs ?? 0, WAIT_MAX_MS);
      if ((event.answer === 'heard' || event.answer === 'busy') && m.outage) {
        if (event.answer === 'heard' && m.name !== 'you') {
          const spread = Math.min(Math.max((t - m.outage.at) / 2, SPREAD_MIN_MS), SPREAD_MAX_MS);
          m.slot = t + Math.min(Math.max(event.slotMs ?? dice * spread, 0), SLOT_MAX_MS);
        }
        m.outage = null;
        m.heardAt = t;
      }
      count(event.answer);
      if (m.hinted && event.answer === 'heard') m.hintAfter = t + Math.min(HINT_FIRST_MS * 2 ** m.hints++, HINT_MAX_MS);
      m.hinted = false;
      break;
    case 'mirror':
      if (event.answer === 'notice' || event.answer === 'other') m.proven = { ...m.proven, [event.url]: now.wall };
      // What is late is still news.
      if (event.notice && (!m.held || newer(event.notice, m.held.notice))) m.held = { notice: event.notice, at: t };
      if (event.round !== m.round || !m.waits.mirrors.includes(event.url)) break;
      m.mirrors = { ...m.mirrors, [event.url]: { answer: event.answer, round: m.round } };
      m.waits = { ...m.waits, mirrors: m.waits.mirrors.filter(url => url !== event.url) };
      break;
    case 'time':
      if (t < m.due || !m.leads || t >= m.wantAt) break;
      if (m.again) {
        m.again = false;
        m.due = t + ROUND_END_MS;
        effects.push({ ask: 'origin', round: m.round });
      } else if (waiting(m)) {
        if (m.waits.origin) count('none');
        m.waits = { origin: false, mirrors: [] };
      } else if (m.slot !== null) {
        if (t >= m.slot) m.slot = null;
      } else if (m.origin !== 'heard' || m.name === 'down') round();
      else poll();
      break;
  }

  if (t >= m.wantAt && m.leads && !m.waits.origin) round();
  const name = judge(m, now, c);
  if (name === 'down' && m.waits.origin && m.silent) m.outage ??= { at: t, round: m.round };
  if (name !== m.name) {
    if (name === 'ok' || name === 'recovering') m.rounds = 0;
    m.name = name;
    m.since = t;
  }
  if (m.leads && !waiting(m)) next(m, before, t, dice, c);
  if (m.leads && !m.waits.origin) m.due = Math.min(m.due, m.wantAt);
  return { model: m, effects };
}

/** Nothing is under way: when is the next thing to be asked? */
function next(m: Model, before: Model, t: number, dice: number, c: Config): void {
  if (m.slot !== null) m.due = m.slot;
  else if (m.origin !== 'heard' || m.name === 'down') {
    // Once for each round, not for each event after it.
    if (!waiting(before) && before.due > t && Number.isFinite(before.due)) return;
    const pause = Math.min(ROUND_FIRST_MS * 1.5 ** Math.min(m.rounds++, 10), ROUND_MAX_MS) * (.75 + dice / 2);
    m.due = Math.max(t + pause, m.waitUntil);
  } else if (sources(c).length === 0) m.due = Infinity;
  else if (waiting(before) || !(before.due > t) || before.name !== m.name || before.due === Infinity) {
    m.due = Math.max(m.polledAt, t - POLL_MS) + (m.name === 'ok' ? POLL_MS + dice * POLL_JITTER_MS : POLL_TROUBLED_MS * (1 + dice / 3));
    if (m.due <= t) m.due = t + ROUND_GAP_MS;
  }
}

export function view(m: Model, now: Now, c: Config): State {
  const wall = (t: number): number => now.wall + t - now.mono;
  return {
    name: m.name, since: wall(m.since), unreachableSince: m.outage && wall(m.outage.at), slot: m.slot === null ? null : wall(m.slot),
    offline: m.offline, notice: m.held?.notice ?? null, inForce: inForce(m, now), says: says(m, now, c),
  };
}
