/**
 * The one-tag build: starts by itself from the attributes of its own script tag.
 *
 *     <script async src="/.well-known/stillhere/client.js" data-mirrors="https://status.example.net/.well-known/stillhere/notice"
 *             data-key="…" data-service="checkout" data-site="Shop" data-lang="de"></script>
 */
import { define, wordsFrom } from './banner.js';
import { emit, on } from './bus.js';
import { pace } from './pace.js';
import { diagnose, start, state } from './start.js';

const api = { diagnose, emit, on, pace, start, state };
const OWN = '/.well-known/stillhere/';
/** Those besides English, which is built in; they are loaded while all is well. A test holds this against the files. */
const LANGS = ['zh-CN', 'de', 'fr', 'es', 'pt', 'it', 'ja', 'ko', 'ru', 'ar', 'hi'];

function begin(): void {
  const tag = document.currentScript as HTMLScriptElement | null;
  const at = (name: string): string | undefined => tag?.dataset[name]?.trim() || undefined;
  const src = tag?.src ? new URL(tag.src) : null;
  const edge = at('edge') !== undefined ? at('edge') === 'true' : src?.origin === location.origin && src.pathname.startsWith(OWN);
  if (src) wordsFrom(new URL('words/', src).href, LANGS);
  define();
  const mirrors = at('mirrors')?.split(/[\s,]+/), key = at('key'), service = at('service'), ping = at('ping'), lang = at('lang'), site = at('site');
  start({ edge, ...mirrors && { mirrors }, ...key && { key }, ...service && { service }, ...ping && { ping } });
  const place = (): void => {
    if (document.querySelector('stillhere-status')) return;
    const banner = document.createElement('stillhere-status');
    for (const [name, value] of Object.entries({ lang, site, service })) if (value) banner.setAttribute(name, value);
    document.body.append(banner);
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', place, { once: true });
  else place();
  (window as { stillhere?: unknown }).stillhere = api;
}

// Twice on a page (the edge's and the page's own) is once; and nothing of ours stops the page.
try {
  if (!(window as { stillhere?: unknown }).stillhere) begin();
} catch (error) {
  console.warn('stillhere:', error);
}
