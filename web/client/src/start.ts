/** Puts the parts together for one page: events in, questions out, one truth for all who listen. Never throws into its host. */
import { emit, on } from './bus.js';
import { askNotice, askOrigin } from './diagnose.js';
import { type Leader, leader } from './leader.js';
import { keyOf } from './notice.js';
import { type Config, type Event, type Model, type Now, type State, initial, step, view } from './truth.js';
import { watch } from './watch.js';

export interface Options {
  /** Where the notice is served, on other hosts than this page's: full addresses, at most 4. */
  mirrors?: readonly string[];
  /** The public key of the notice: 64 hexadecimal digits or base64. Without it no mirror is believed. */
  key?: string;
  /** The page is behind a Stillhere edge. Known by itself when the edge serves the client. */
  edge?: boolean;
  /** The id of the service that this page is. Without it only an outage of everything confirms ours. */
  service?: string;
  /** This page is there because the origin did not answer: nothing is known, and it is asked at once. */
  cut?: boolean;
  /** What is asked whether the origin answers: a path of this host. Usual: the page's own. */
  ping?: string;
}

export interface Client {
  readonly state: State;
  /** Asks now, and tells what came of it. */
  diagnose(): Promise<State>;
  stop(): void;
}

const MIRRORS_MAX = 4;
const STORE = 'stillhere';
const OWN = '/.well-known/stillhere/';
const SILENT_MS = 1_000;
const DIAGNOSE_WITHIN_MS = 6_000;
/** A state of the last page is looked into at once within this. */
const RECENT_MS = 120_000;
/** Timers above 2^31 ms fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

type Seen = 'failed' | 'heard' | 'hint' | 'ask';
type Message = { event: Seen } | { hello: true } | { model: Model; mono: number };

const clock = (): Now => ({ mono: performance.now(), wall: Date.now() });

/** Tabs began at different times. */
function moved(m: Model, by: number): Model {
  return {
    ...m, since: m.since + by, roundAt: m.roundAt + by, polledAt: m.polledAt + by, hintAfter: m.hintAfter + by, waitUntil: m.waitUntil + by, wantAt: m.wantAt + by, heardAt: m.heardAt + by, wokeUntil: m.wokeUntil + by, due: m.due + by,
    slot: m.slot === null ? null : m.slot + by, outage: m.outage && { ...m.outage, at: m.outage.at + by }, held: m.held && { ...m.held, at: m.held.at + by },
  };
}

/** Storage may be denied, full or edited by anybody: then nothing was remembered. */
function recall(now: Now): { model: Model; troubled: boolean } {
  try {
    const s = JSON.parse(localStorage.getItem(STORE) ?? 'null') as { held: Model['held']; proven: Model['proven']; polled: number; troubled: boolean; wall: number } | null;
    if (s) {
      const ago = Math.max(0, now.wall - s.wall);
      return {
        model: { ...initial, since: now.mono, held: s.held && { notice: s.held.notice, at: now.mono - s.held.at - ago }, proven: s.proven, polledAt: now.mono - s.polled - ago },
        troubled: s.troubled && ago < RECENT_MS,
      };
    }
  } catch { /* as if it was not there */ }
  return { model: { ...initial, since: now.mono }, troubled: false };
}

function remember(m: Model, now: Now): void {
  try {
    localStorage.setItem(STORE, JSON.stringify({
      held: m.held && { notice: m.held.notice, at: now.mono - m.held.at }, proven: m.proven, polled: Math.min(now.mono - m.polledAt, 1e12), troubled: m.name !== 'ok', wall: now.wall,
    }));
  } catch { /* the next page asks for itself */ }
}

function configOf(options: Options): { config: Config; key: Uint8Array<ArrayBuffer> | null } {
  let key = null;
  try {
    if (options.key) key = keyOf(options.key);
  } catch (error) {
    console.warn(`stillhere: the key is not used: ${String(error)}`);
  }
  const mirrors = (options.mirrors ?? []).filter(url => {
    try {
      return new URL(url).host !== location.host;
    } catch {
      console.warn(`stillhere: not an address: ${url}`);
      return false;
    }
  });
  return {
    key,
    config: { mirrors: mirrors.slice(0, MIRRORS_MAX), ...options.edge && { edge: location.origin + OWN + 'notice' }, ...options.service !== undefined && { service: options.service } },
  };
}

let running: Client | undefined;
const still: State = { name: 'ok', since: 0, unreachableSince: null, slot: null, offline: false, notice: null, inForce: false, says: null };
const inert: Client = { state: still, diagnose: () => Promise.resolve(still), stop: () => undefined };

/** The truth now. `ok` before `start` and outside of browsers. */
export const state = (): State => running?.state ?? still;
/** Asks now, and tells what came of it. */
export const diagnose = (): Promise<State> => (running ?? inert).diagnose();

/** Begins to watch, once for a page: a second call gives the first one's client. Does nothing outside of browsers. */
export function start(options: Options = {}): Client {
  if (typeof document === 'undefined') return inert;
  return running ??= run(options);
}

function run(options: Options): Client {
  const { config, key } = configOf(options);
  const ping = options.ping ?? location.pathname;
  const remembered = recall(clock());
  // A machine that says that it has no network is right; one that says that it has one may be wrong.
  let model = { ...remembered.model, offline: navigator.onLine === false };
  if (options.cut) model = { ...model, name: 'unknown', origin: 'none', outage: { at: model.since, round: 0 } };
  let shown = view(model, clock(), config);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lead: Leader | undefined;
  const off: (() => void)[] = [];

  const publish = (): void => {
    const next = view(model, clock(), config);
    const same = (Object.keys(next) as (keyof State)[]).every(k => typeof next[k] === 'number' && typeof shown[k] === 'number' ? Math.abs(next[k] - shown[k]) < 1e3 : next[k] === shown[k]);
    if (same) return;
    shown = next;
    document.documentElement.dataset['stillhere'] = next.name;
    emit('state', next);
    document.dispatchEvent(new CustomEvent('stillhere:state', { detail: next }));
  };
  const share = (): void => lead?.send({ model, mono: performance.now() } satisfies Message);

  const dispatch = (event: Event): void => {
    const now = clock(), before = model;
    const { model: after, effects } = step(model, event, now, Math.random(), config);
    model = after;
    for (const effect of effects) {
      const { round } = effect;
      if (effect.ask === 'origin') {
        const silent = setTimeout(() => dispatch({ t: 'silent', round }), SILENT_MS);
        void askOrigin(ping).then(answer => {
          clearTimeout(silent);
          dispatch({ t: 'origin', round, ...answer });
        });
      } else {
        const { url } = effect;
        void askNotice(url, key, url === config.edge).then(answer => dispatch({ t: 'mirror', round, url, ...answer }));
      }
    }
    clearTimeout(timer);
    if (model.leads) {
      if (model.due < Infinity) timer = setTimeout(() => dispatch({ t: 'time' }), Math.min(Math.max(model.due - performance.now(), 0) + 1, TIMER_MAX_MS));
      if (event.t === 'mirror' || model.name !== before.name) remember(model, now);
      share();
    }
    publish();
  };
  /** Seen while nobody was known to lead. Locks take their time. */
  const unheard = new Set<Seen>(remembered.troubled ? ['ask'] : []);
  /** A tab that follows hands on what it saw. */
  const saw = (event: Seen): void => {
    if (model.leads) return dispatch({ t: event });
    unheard.add(event);
    lead?.send({ event } satisfies Message);
  };

  const listen = (target: EventTarget, type: string, handler: (e: globalThis.Event) => void): void => {
    target.addEventListener(type, handler);
    off.push(() => target.removeEventListener(type, handler));
  };
  const wake = (e: globalThis.Event): void => {
    // The first `pageshow` is no waking.
    if (document.visibilityState === 'visible' && (e as Partial<PageTransitionEvent>).persisted !== false) dispatch({ t: 'wake', offline: !navigator.onLine });
  };
  for (const type of ['online', 'pageshow', 'resume']) listen(window, type, wake);
  listen(document, 'visibilitychange', wake);
  listen(window, 'offline', () => dispatch({ t: 'offline' }));
  off.push(on('seen', how => saw(how)), on('stay', yes => lead?.stay(yes)));
  const asked = new URL(ping, location.href).href;
  off.push(watch(url => url !== asked && url.startsWith(location.origin + '/') && !url.startsWith(location.origin + OWN), () => saw('hint')));

  lead = leader({
    lead() {
      const seen = [...unheard];
      unheard.clear();
      dispatch({ t: 'start' });
      for (const t of seen) dispatch({ t });
    },
    follow: () => dispatch({ t: 'stop' }),
    message(data) {
      const message = data as Message;
      if ('model' in message) {
        if (model.leads) return;
        // There is a leader: it looks into what we saw.
        unheard.clear();
        const m = moved(message.model, performance.now() - message.mono);
        model = { ...m, leads: false, waits: { origin: false, mirrors: [] }, due: Infinity };
        publish();
      } else if (model.leads) {
        if ('hello' in message) share();
        else dispatch({ t: message.event });
      }
    },
  });
  lead.send({ hello: true } satisfies Message);
  // A tab that leads already has another view of it.
  if (options.cut) lead.send({ event: 'failed' } satisfies Message);

  return {
    get state() { return shown; },
    diagnose() {
      saw('ask');
      return new Promise(done => {
        const end = performance.now() + DIAGNOSE_WITHIN_MS;
        const look = (): void => {
          if (model.leads ? model.wantAt === Infinity && !model.waits.origin && model.waits.mirrors.length === 0 : performance.now() > end) done(shown);
          else if (performance.now() > end) done(shown);
          else setTimeout(look, 50);
        };
        look();
      });
    },
    stop() {
      clearTimeout(timer);
      off.forEach(f => { f(); });
      lead.stop();
      running = undefined;
    },
  };
}
