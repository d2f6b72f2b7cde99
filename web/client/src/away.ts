/**
 * The script of the page that the worker shows for an address that did not answer. The truth, the words and the outbox are
 * those of every other page; here is only how they are laid out, and how the person is brought back.
 */
import { type Action, emit, on } from './bus.js';
import { askOrigin } from './diagnose.js';
import { actions, configureOutbox, type Settled } from './outbox.js';
import { type Line, say } from './said.js';
import { start, state } from './start.js';
import type { PageData } from './sw/page.js';
import type { State } from './truth.js';
import { removeWorker } from './worker.js';
import type { AwayWords } from './away/words.js';
import type { Words } from './words.js';

/** A return that ends here again within this was none; after so many of them the worker is left out. */
const RETURN_MS = 30_000;
const RETURNS_MAX = 2;
const RETURNS = 'stillhere.back';
const ASK_AGAIN_MS = 1_000;
const ASK_AGAIN_MAX_MS = 30_000;
/** A page that goes does not cut off what is being sent, but waits no longer than this for it. */
const ACTIONS_WITHIN_MS = 10_000;
const TICK_MS = 100;
const KNOCK_MS = 3_000;
const LOOK_MS = 15_000;
const GLYPHS: Record<string, string> = { down: 'x', slow: 'd', maintenance: 'm', recovering: 'o', back: 'o' };

const { config, words, post } = JSON.parse(document.body.dataset['page']!) as PageData & { words: Words & AwayWords };
const $ = (id: string): HTMLElement => document.getElementById(id)!;
const here = location.href.split('#')[0]!;
const path = config.ping ?? location.pathname;

/** The origin answered this page itself. */
let verified = false;
let asking = false;
let leaving = 0;
let gone = false;
let written = '';
const acts = new Map<string, Action>();

/** Its own server, not only the truth of another tab, or of a moment ago. */
const answers = (s: State): boolean => s.unreachableSince === null && s.name !== 'recovering';
const isOpen = (a: Action): boolean => /saved|sending|unknown/.test(a.state) && !a.final;

function text(id: string, value: string): void {
  const e = $(id);
  if (e.textContent !== value) e.textContent = value;
  e.hidden = !value;
}

function make(tag: string, name: string, value: string, lang?: string): HTMLElement {
  const e = Object.assign(document.createElement(tag), { className: name, dir: 'auto', textContent: value });
  if (lang && lang !== words.lang) e.lang = lang;
  return e;
}

function card(line: Line): HTMLElement {
  const a = make('article', 'inc', '');
  const { head, text } = line;
  if (head) a.append(make('h2', '', head, line.lang));
  a.append(make('p', 'txt', head ? text.slice(head.length + 2) : text, line.lang));
  if (line.note) a.append(make('p', 'dim', line.note));
  return a;
}

function render(): void {
  const s = state(), back = answers(s) && verified;
  const shown: State = answers(s) && !verified ? { ...s, name: 'unknown' } : back ? { ...s, name: 'ok' } : s;
  const said = say(shown, [...acts.values()], words, { site: config.site ?? location.hostname, back: true, now: Date.now(), ...config.service && { service: config.service } });
  const over = post !== undefined && (back || !isOpen(acts.get(post) ?? { state: 'saved' } as Action));
  const is = JSON.stringify([said, over]);
  if (!said || is === written) return;
  written = is;
  const glyph = GLYPHS[said.tone] ?? 'u';
  $('hero').className = `hero ${document.body.className = glyph}`;
  $('use').setAttribute('href', `#i-${glyph}`);
  document.title = `${said.title} · ${said.site}`.replace(/[\u2068\u2069]/g, '');
  text('site', said.site);
  text('title', said.title);
  text('lead', said.lead);
  const of = (kind: Line['kind']): Line[] => said.lines.filter(l => l.kind === kind);
  $('acts').replaceChildren(...of('action').map(card));
  $('news').replaceChildren(...of('news').map(card));
  $('facts').replaceChildren(...of('fact').map(l => make('li', '', l.text)));
  text('say', back ? '' : (of('do')[0]?.text ?? words.auto).replace(words.nothing, words.auto));
  $('live').hidden = back && !over;
  $('again').hidden = post !== undefined || back;
  $('on').hidden = !over;
  const link = $('page') as HTMLAnchorElement;
  link.hidden = !said.href;
  if (said.href) link.href = said.href;
}

function returns(): number {
  try {
    const last = JSON.parse(sessionStorage.getItem(RETURNS)!) as { url: string; n: number; at: number } | null;
    if (last?.url === here && Date.now() - last.at < RETURN_MS) return last.n;
  } catch { /* as if it was the first */ }
  return 0;
}

/** Loads the address again; past the worker, when it has been the worker again and again. Storage denied: always past it. */
async function go(): Promise<void> {
  if (gone) return;
  gone = true;
  const n = returns();
  let past = n >= RETURNS_MAX;
  try {
    sessionStorage.setItem(RETURNS, JSON.stringify({ url: here, n: n + 1, at: Date.now() }));
  } catch {
    past = true;
  }
  if (past) {
    await new Promise<void>(done => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => done();
      setTimeout(done, ASK_AGAIN_MS);
      navigator.serviceWorker.controller?.postMessage({ through: here }, [port2]);
    });
  }
  location.reload();
}

function leave(): void {
  if (gone || !verified || post !== undefined) return;
  leaving ||= performance.now();
  const open = [...acts.values()].filter(isOpen);
  if (!open.length || performance.now() - leaving > ACTIONS_WITHIN_MS && !open.some(a => a.state === 'sending')) void go();
  else setTimeout(leave, TICK_MS);
}

let again = 0;
async function look(): Promise<void> {
  if (!answers(state())) verified = false;
  else if (!verified && !asking) {
    asking = true;
    const { answer } = await askOrigin(path);
    asking = false;
    verified = answer === 'heard' || answer === 'busy';
    if (verified) {
      again = 0;
      leave();
    } else {
      // News once: what fails is perhaps this address alone, and each word of it makes a page ask everybody.
      if (!again) emit('seen', 'failed');
      setTimeout(look, again = Math.min(again + ASK_AGAIN_MS, ASK_AGAIN_MAX_MS));
    }
  }
  render();
}

let knocked: { at: number; answer: Promise<boolean> } | undefined;
/** What is not sent while nobody answers surely did not arrive. An edge that answers takes things in while its origin is away. */
function knock(): Promise<boolean> {
  if (!knocked || performance.now() - knocked.at > KNOCK_MS) knocked = { at: performance.now(), answer: askOrigin(path).then(({ answer }) => answer !== 'none') };
  return knocked.answer;
}

/** After a post: where the answer led, if it led anywhere. */
function settled({ state: is, response }: Settled): void {
  render();
  if (is === 'done' && response && response.url.split('#')[0] !== here) location.replace(response.url);
}

(window as { stillhere?: unknown }).stillhere = { state, removeWorker };
start({ ...config, cut: true });
text('again', words.again);
text('on', words.on);
text('page', words.page);
$('again').onclick = () => location.reload();
($('on') as HTMLAnchorElement).href = document.referrer && new URL(document.referrer).origin === location.origin ? document.referrer : '/';
configureOutbox({ ready: async () => verified || config.edge && await knock() });
on('state', () => void look());
on('action', a => {
  acts.delete(a.key);
  acts.set(a.key, a);
  render();
});
setInterval(render, LOOK_MS);
render();
void actions().then(all => {
  for (const a of all) {
    if (a.over && a.key !== post) continue;
    acts.set(a.key, a);
    if (a.key === post) void a.settled.then(settled);
  }
  render();
});
