/**
 * `<stillhere-status>`: tells the visitor. Text only ever goes in as text.
 *
 * Attributes: `lang` (else the page's, else the browser's), `site` (the name until a notice says it), `service`, and `place`, of which `room.ts`
 * makes something.
 * Parts: `banner title lead line news fact action do hide link`. Properties: `--stillhere-background -color -dim -accent -line -radius
 * -width -font -layer`.
 */

import { type Action, on } from './bus.js';
import { type Said, say } from './said.js';
import { state } from './start.js';
import css from './style.js';
import { type Words, choose, fill, whole } from './words.js';
import en from './words/en.js';

/** "It is back" stays this long; longer while it has the focus or the pointer. */
const BACK_FOR_MS = 12_000;
/** Promises pass without any event. */
const LOOK_MS = 15_000;
const ACTIONS_KEPT = 20;
const TROUBLE = ['down', 'unknown', 'you', 'maintenance', 'recovering'];

const known: Record<string, Words> = { en };
/** Languages that can be loaded, and from where. */
let more: { base: string; langs: readonly string[] } | undefined;
const shown = new Set<StillhereStatus>();

/** Adds languages, such as `@stillhere/client/words/de`. */
export function addWords(...list: readonly Words[]): void {
  for (const words of list) known[words.lang] = words;
  shown.forEach(b => { b.render(); });
}

/** Languages are loaded from here (`<base>de.json`) when somebody needs them. */
export function wordsFrom(base: string, langs: readonly string[]): void {
  more = { base, langs };
}

async function load(lang: string): Promise<void> {
  if (!more || known[lang]) return;
  try {
    const words = await (await fetch(`${more.base}${lang}.json`, { credentials: 'omit', signal: AbortSignal.timeout(10_000) })).json() as Partial<Words>;
    if (whole(words, en)) addWords(words);
  } catch { /* English stays */ }
}

function wanted(own: string | null): string {
  const page = document.documentElement.lang;
  return choose([...own ? [own] : [], ...page ? [page] : [], ...navigator.languages], [...Object.keys(known), ...more?.langs ?? []]) ?? 'en';
}

/** Those that the banner speaks with now. */
export const words = (): Words => known[wanted(document.querySelector('stillhere-status')?.getAttribute('lang') ?? null)] ?? en;

// Outside of browsers the class must exist, and nothing more.
const Element_ = typeof HTMLElement === 'undefined' ? Object as unknown as typeof HTMLElement : HTMLElement;

export class StillhereStatus extends Element_ {
  static observedAttributes = ['lang', 'site', 'service'];
  private parts: { section: HTMLElement; said: HTMLElement; title: HTMLElement; lead: HTMLElement; lines: HTMLElement; foot: HTMLElement; hide: HTMLButtonElement } | undefined;
  private actions = new Map<string, Action>();
  private off: (() => void)[] = [];
  private timer: ReturnType<typeof setInterval> | undefined;
  private hidden_: string | null = null;
  private wasOut = false;
  private backUntil = 0;
  private written = '';

  connectedCallback(): void {
    this.build();
    shown.add(this);
    void load(this.wanted());
    this.off.push(
      on('state', () => this.render()),
      on('action', a => {
        this.actions.delete(a.key);
        this.actions.set(a.key, a);
        const oldest = this.actions.keys().next();
        if (this.actions.size > ACTIONS_KEPT && !oldest.done) this.actions.delete(oldest.value);
        this.render();
      }),
    );
    this.timer = setInterval(() => { void load(this.wanted()); this.render(); }, LOOK_MS);
    this.render();
  }

  disconnectedCallback(): void {
    shown.delete(this);
    this.off.splice(0).forEach(f => { f(); });
    clearInterval(this.timer);
  }

  attributeChangedCallback(): void {
    if (!this.isConnected) return;
    void load(this.wanted());
    this.render();
  }

  /** What it says now; null: nothing. */
  get said(): Said | null {
    const s = state(), now = Date.now(), service = this.getAttribute('service');
    return say(s, [...this.actions.values()], this.words(), {
      site: this.getAttribute('site') ?? location.hostname, back: now < this.backUntil, now, ...service !== null && { service },
    });
  }

  private wanted(): string {
    return wanted(this.getAttribute('lang'));
  }

  private words(): Words {
    return known[this.wanted()] ?? en;
  }

  private build(): void {
    if (this.parts) return;
    const root = this.attachShadow({ mode: 'open' });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [sheet];
    } catch {
      root.append(Object.assign(document.createElement('style'), { textContent: css }));
    }
    const make = <K extends keyof HTMLElementTagNameMap>(tag: K, part: string, into: ParentNode = root): HTMLElementTagNameMap[K] => {
      const e = document.createElement(tag);
      if (part) e.setAttribute('part', part);
      into.append(e);
      return e;
    };
    const section = make('section', 'banner'), said = make('div', '', section);
    // There before it is needed, and empty: otherwise its first words are not announced.
    said.setAttribute('role', 'status');
    const title = make('p', 'title', said), lead = make('p', 'lead', said), lines = make('ul', '', section), foot = make('footer', '', section), hide = make('button', 'hide', section);
    title.className = 't';
    hide.type = 'button';
    hide.onclick = () => {
      this.hidden_ = state().name;
      this.render();
    };
    this.parts = { section, said, title, lead, lines, foot, hide };
  }

  /** Puts what is true now on the screen. Called whenever something may have changed; changes nothing if it has not. */
  render(): void {
    if (!this.parts) return;
    const { section, title, lead, lines, foot, hide } = this.parts, s = state(), now = Date.now();
    if (this.hidden_ !== null && this.hidden_ !== s.name) this.hidden_ = null;
    if (TROUBLE.includes(s.name)) this.wasOut = true;
    else if (s.name === 'ok' && this.wasOut) {
      this.wasOut = false;
      this.backUntil = now + BACK_FOR_MS;
      setTimeout(() => this.render(), BACK_FOR_MS + 50);
    }
    // Nothing vanishes under the fingers or the focus.
    if (s.name === 'ok' && this.backUntil && now >= this.backUntil && (section.matches(':hover') || this.shadowRoot?.activeElement)) {
      this.backUntil = now + 3_000;
      setTimeout(() => this.render(), 3_050);
    }
    const said = this.hidden_ === null ? this.said : null, words = this.words();
    const is = JSON.stringify([said, words.lang]);
    if (is === this.written) return;
    this.written = is;
    // An empty name would still be a landmark.
    section.className = said ? said.tone : 'e';
    section.lang = words.lang;
    section.dir = new Set(['ar', 'fa', 'he', 'ur']).has(words.lang.split('-')[0] ?? '') ? 'rtl' : 'ltr';
    hide.hidden = lines.hidden = !said;
    set(hide, words.hide);
    set(title, said?.title ?? '');
    set(lead, said?.lead ?? '');
    if (said) section.setAttribute('aria-label', fill(words.label, { site: said.site }));
    else section.removeAttribute('aria-label');
    lines.hidden = !said?.lines.length;
    lines.replaceChildren(...(said?.lines ?? []).map(l => {
      const li = document.createElement('li');
      li.className = l.kind;
      li.setAttribute('part', `line ${l.kind}`);
      // A notice may be in another direction than the sentences around it.
      const text = li.appendChild(document.createElement(l.kind === 'news' ? 'bdi' : 'span'));
      text.textContent = l.text;
      if (l.lang && l.lang !== words.lang) text.lang = l.lang;
      if (l.note) li.append(' ', Object.assign(document.createElement('span'), { className: 'n', textContent: l.note }));
      return li;
    }));
    const link = foot.querySelector('a');
    if (!said?.href) link?.remove();
    else if (link) Object.assign(link, { href: said.href, textContent: words.page });
    else {
      const a = foot.appendChild(Object.assign(document.createElement('a'), { href: said.href, textContent: words.page, target: '_blank', rel: 'noopener noreferrer' }));
      a.setAttribute('part', 'link');
    }
  }
}

/** A live region that is written again is read again. */
function set(e: HTMLElement, text: string): void {
  if (e.textContent !== text) e.textContent = text;
}

export function define(): void {
  if (typeof customElements !== 'undefined' && !customElements.get('stillhere-status')) customElements.define('stillhere-status', StillhereStatus);
}
