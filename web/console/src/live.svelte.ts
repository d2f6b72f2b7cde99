// The state of everything, kept current: one question to the server, asked again and again, whose answer waits until there is
// something new. A question without an answer is how a lost connection is noticed; then we say so, and since when.
import { call, Trouble, type Schemas } from './api';
import { heardNow, kept } from './kept.svelte';

type Overview = Schemas['Overview'];
type Everything = Schemas['Everything'];

/** How long an answer may wait for news. */
const WAIT_S = 20;
/** Beyond that the line is taken for cut. */
const SLACK_MS = 8_000;
/** Between tries when it is, from … to. */
const AGAIN_MS = [500, 8_000] as const;
/** No more than so many answers a second are asked for, however much happens. */
const PACE_MS = 250;

export interface Service { id: string; name: string; group?: string | null }

class Live {
  /** `null` until the first answer. */
  state = $state.raw<Everything | null>(null);
  fresh = $state(true);
  lastLook = $state<string | null>(null);
  /** Since when there has been no answer. */
  cutSince = $state<number | null>(null);
  /** Of the device's clock, once a second: what counts up or down is counted from it. */
  now = $state(Date.now());
  /** Names, in the order of the configuration. */
  services = $state.raw<Service[]>([]);
  /** By id, all that are not simply working. */
  unwell = $derived(new Map((this.state?.unwell ?? []).map(u => [u.id, u])));
  /** Counts answers with news, for pages that show more than the overview has. */
  turn = $state(0);

  #offset = 0;
  #seen = '';
  #layout = '';
  #notes: number | undefined;
  #heard = Date.now();
  #stop: AbortController | undefined;

  /** The server's clock. */
  get serverNow(): number { return this.now + this.#offset; }

  start(): void {
    this.pause();
    const stop = new AbortController();
    this.#stop = stop;
    this.#seen = '';
    this.#layout = '';
    this.#notes = undefined;
    const clock = setInterval(() => { this.now = Date.now(); }, 1_000);
    stop.signal.addEventListener('abort', () => clearInterval(clock));
    // A phone that was in a pocket has an old picture: ask at once.
    const awake = () => { if (document.visibilityState === 'visible') this.now = Date.now(); };
    document.addEventListener('visibilitychange', awake, { signal: stop.signal });
    void this.#follow(stop.signal);
  }

  /** Asks nothing until it is started again; what is known stays. */
  pause(): void { this.#stop?.abort(); }

  stop(): void {
    this.pause();
    this.state = null;
    this.services = [];
  }

  /** Everything anew, in the language of now. */
  again(): void { this.start(); }

  async #follow(signal: AbortSignal): Promise<void> {
    let wait = 0;
    let again: number = AGAIN_MS[0];
    while (!signal.aborted) {
      const began = Date.now();
      try {
        const query = { lang: kept.lang, seen: this.#seen || undefined, fresh: this.#seen ? this.fresh : undefined, notes: this.#notes, wait };
        const answer = await call<Overview>('/api/v1/console/overview', { query, within: wait * 1_000 + SLACK_MS, signal });
        await this.#take(answer, signal);
        again = AGAIN_MS[0];
        wait = WAIT_S;
        await pause(PACE_MS - (Date.now() - began), signal);
      } catch (e) {
        if (signal.aborted) return;
        if (e instanceof Trouble && e.status === 401) return;
        // The next answer must come at once, so that what was missed is seen.
        wait = 0;
        this.cutSince ??= this.#heard;
        await pause(again, signal);
        again = Math.min(again * 2, AGAIN_MS[1]);
      }
    }
  }

  async #take(o: Overview, signal: AbortSignal): Promise<void> {
    if (o.state && o.state.layout !== this.#layout) {
      const roll = await call<Schemas['Roll']>('/api/v1/console/services', { query: { lang: kept.lang }, signal });
      this.services = roll.services;
      this.#layout = o.state.layout;
    }
    this.#heard = Date.now();
    heardNow(this.#heard);
    this.#offset = Date.parse(o.now) - this.#heard;
    this.now = this.#heard;
    this.fresh = o.fresh;
    this.lastLook = o.last_look ?? null;
    this.cutSince = null;
    this.#seen = o.seen;
    const noted = this.#notes !== undefined && o.notes !== this.#notes;
    this.#notes = o.notes;
    if (o.state) this.state = o.state;
    if (o.state || noted) this.turn += 1;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (ms <= 0 || signal.aborted) return resolve();
    const done = () => { clearTimeout(timer); resolve(); };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    // Back on the net: no need to wait for the next try.
    addEventListener('online', done, { once: true, signal });
  });
}

export const live = new Live();
