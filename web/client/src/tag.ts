/**
 * The one-tag build: starts by itself from the attributes of its own script tag.
 *
 *     <script async src="/.well-known/stillhere/client.js" data-mirrors="https://status.example.net/.well-known/stillhere/notice"
 *             data-key="…" data-service="checkout" data-site="Shop" data-lang="de" data-keep data-worker></script>
 *
 * It is what has to be there first: the truth. What shows it (`face.js`, then `room.js`, which keeps it from covering anything, and `tell.js`, its button) is asked for in the same moment, and what keeps
 * actions (`kept.js`) when the page has loaded, if the page has a use for it: both long before they are needed, because nothing can be
 * loaded from an origin that is dead.
 */
import { emit, on } from './bus.js';
import { pace, spread } from './pace.js';
import { diagnose, start, state } from './start.js';
import { removeWorker, useWorker } from './worker.js';

const OWN = '/.well-known/stillhere/';
/** Set while something waits to be sent: the next page takes it up, whatever that page is. See `kept.ts`. */
const WAITS = 'stillhere.waits';
/** Those of `kept.ts` that the page may call before it is there. */
const LATER = ['send', 'actions', 'cancel', 'retry', 'forget', 'configureOutbox'];
const AGAIN_MS = 5_000;

type Module = Record<string, (...args: unknown[]) => unknown>;
const api: Record<string, unknown> = { diagnose, emit, on, pace, spread, start, state, removeWorker };

function begin(): void {
  const tag = document.currentScript as HTMLScriptElement | null;
  const at = (name: string): string | undefined => tag?.dataset[name]?.trim() || undefined;
  const src = tag?.src ? new URL(tag.src) : null;
  const edge = at('edge') !== undefined ? at('edge') === 'true' : src?.origin === location.origin && src.pathname.startsWith(OWN);
  const mirrors = at('mirrors')?.split(/[\s,]+/), key = at('key'), service = at('service'), ping = at('ping'), lang = at('lang'), site = at('site');
  const from = (api['from'] = new URL('.', src ?? new URL(OWN, location.href)).href);
  api['edge'] = edge;
  (window as { stillhere?: unknown }).stillhere = api;
  start({ edge, ...mirrors && { mirrors }, ...key && { key }, ...service && { service }, ...ping && { ping } });

  /** Asked for until it is there. A browser remembers a failed import, so that each attempt has a name of its own. */
  const load = async (name: string, attempt = 0): Promise<Module> => {
    try {
      return await import(`${from}${name}${attempt ? `?again=${attempt}` : ''}`) as Module;
    } catch {
      await new Promise(done => setTimeout(done, AGAIN_MS + pace(attempt)));
      return load(name, attempt + 1);
    }
  };
  void load('face.js').then(() => load('room.js')).then(() => load('tell.js'));
  let kept: Promise<Module> | undefined;
  const keep = (): Promise<Module> => kept ??= load('kept.js');
  for (const name of LATER) api[name] = (...args: unknown[]) => keep().then(k => k[name]?.(...args));

  const place = (): void => {
    if (document.querySelector('stillhere-status')) return;
    const banner = document.createElement('stillhere-status');
    for (const [name, value] of Object.entries({ lang, site, service })) if (value) banner.setAttribute(name, value);
    document.body.append(banner);
  };
  const worker = tag?.dataset['worker'];
  const quiet = (): void => {
    let waits = null;
    try { waits = localStorage.getItem(WAITS); } catch { /* denied: nothing was kept */ }
    if (waits || worker !== undefined || tag?.dataset['keep'] !== undefined || document.querySelector('form[data-stillhere]')) void keep();
    void useWorker(worker, { edge: edge ? '1' : '', mirrors: mirrors?.join(' '), key, service, site, lang, ping, posts: at('workerPosts') });
  };
  const then = (event: string, target: EventTarget, ready: boolean, f: () => void): void => {
    if (ready) f();
    else target.addEventListener(event, f, { once: true });
  };
  then('DOMContentLoaded', document, document.readyState !== 'loading', place);
  then('load', window, document.readyState === 'complete', () => void setTimeout(quiet));
}

// Twice on a page (the edge's and the page's own) is once; and nothing of ours stops the page.
try {
  if (!(window as { stillhere?: unknown }).stillhere) begin();
} catch (error) {
  console.warn('stillhere:', error);
}
