/** What the banner says of a state: pure, so that the rules for the words can be tested for every state there is. */
import type { Action } from './bus.js';
import type { Notice } from './notice.js';
import type { State } from './truth.js';
import { type Words, clock, fill, inLanguage } from './words.js';

export interface Line {
  kind: 'news' | 'fact' | 'action' | 'do';
  text: string;
  /** Of notices' own texts, which may be in another language. */
  lang?: string;
  /** The beginning of the text, where it is the title of what follows. */
  head?: string;
  /** After the text, smaller. */
  note?: string;
}

export interface Said {
  tone: State['name'] | 'back' | 'action';
  title: string;
  lead: string;
  lines: Line[];
  /** `https:` only. */
  href: string | null;
  site: string;
}

export const ACTIONS_MAX = 4;
const TEXT_MAX = 280;
const NAME_MAX = 80;
const NEWS_MAX = 2;
/** When all is well, what is saved is on its way. After this it is not. */
const SAVED_FOR_MS = 3_000;

const cut = (text: string, max: number): string => {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return line.length > max ? `${[...line].slice(0, max - 1).join('')}…` : line;
};
/** None, if it is no time. */
const at = (text: string | null | undefined): number[] => {
  const t = Date.parse(text ?? '');
  return Number.isNaN(t) ? [] : [t];
};
/** Without it a name in another script turns the sentence around it over. */
const isolated = (text: string): string => `\u2068${text.replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f]/g, '')}\u2069`;

/** Null: there is nothing to say. `back`: it has just come back from an outage that was shown. */
export function say(state: State, actions: readonly Action[], words: Words, o: { site: string; service?: string; back: boolean; now: number }): Said | null {
  const { notice, inForce } = state, { lang } = words;
  const time = (t: number, seconds?: boolean): string => clock(t, o.now, lang, seconds);
  const mine = (s: { id: string }): boolean => s.id === o.service;
  const name = (notice?.services.find(mine) ?? notice?.operational?.find(mine))?.name ?? notice?.site.name;
  const site = cut((name && inLanguage(name, lang).text) || o.site, NAME_MAX);
  const with_ = (sentence: keyof Words, values: Readonly<Record<string, string>> = {}): string => fill(words[sentence], { site: isolated(site), ...values });
  const lines: Line[] = [];
  const add = (kind: Line['kind'], text: string): void => { lines.push({ kind, text }); };

  /** When all of it is likely to be over: the last of their times, and none while one of them has none. */
  const eta = (mine: Notice['incidents']): string => {
    const last = mine.flatMap(i => at(i.over_by).map(by => ({ ...i, by }))).sort((a, b) => b.by - a.by);
    const i = last[0];
    if (!i || last.length < mine.length) return words.noEta;
    return with_(i.over_by_passed || i.by < o.now ? 'longer' : i.over_by_said === 'team' ? 'expected' : 'likely', { time: time(i.by) });
  };
  const news = (): void => {
    if (!notice || !inForce) return;
    const mine = notice.incidents.filter(i => o.service === undefined || i.services.includes(o.service));
    for (const i of mine.slice(0, NEWS_MAX)) {
      const title = inLanguage(i.title, lang), said = inLanguage(i.said, lang);
      const text = [title.text, said.text].map(t => cut(t, TEXT_MAX)).filter(t => t).join(': ');
      if (text) lines.push({ kind: 'news', text, ...title.text && said.text && { head: cut(title.text, TEXT_MAX) }, lang: said.lang, ...i.said_at !== null && { note: fill(words.said, { time: time(Date.parse(i.said_at)) }) } });
    }
    if (mine.length === 0) return;
    const due = mine.flatMap(i => at(i.next_update_by)).sort((a, b) => a - b)[0];
    const facts = [eta(mine)];
    if (due !== undefined) facts.push(with_(due < o.now ? 'missed' : 'next', { time: time(due) }));
    add('fact', facts.join(/^(zh|ja)/.test(lang) ? '' : ' '));
  };
  const seen = (): void => {
    if (state.unreachableSince !== null) add('fact', with_('seen', { time: time(state.unreachableSince) }));
  };
  const age = (): void => {
    if (notice && !inForce) add('fact', with_('old', { time: time(Date.parse(notice.made_at)) }));
  };

  let tone: Said['tone'] = state.name, title = '', lead = '';
  switch (state.name) {
    case 'down':
      title = with_('down');
      lead = words.ours;
      seen(); news(); age();
      add('do', words.nothing);
      break;
    case 'slow':
      title = with_(state.says === 'part' || state.says === 'some' ? 'part' : 'slow');
      lead = words.ours;
      news();
      break;
    case 'unknown':
      title = with_('unknown');
      lead = words.checking;
      seen();
      // The notice speaks against what we see: both are said.
      if (notice && state.says === 'fine') add('fact', with_('fine', { time: time(Date.parse(notice.made_at)) }));
      else news();
      age();
      add('do', words.nothing);
      break;
    case 'you':
      title = state.offline ? words.offline : words.you;
      lead = with_(state.offline ? 'noNet' : 'yours');
      add('do', words.check);
      break;
    case 'maintenance': {
      title = with_('maintenance');
      const ends = notice && inForce ? notice.maintenances.flatMap(m => at(m.ends_at)).sort((a, b) => b - a)[0] : undefined;
      lead = ends === undefined ? words.planned : with_(ends < o.now ? 'overdue' : 'plannedTo', { time: time(ends) });
      const work = notice && inForce ? notice.maintenances[0] : undefined;
      if (work) {
        const { text, lang: of } = inLanguage(work.title, lang);
        if (text) lines.push({ kind: 'news', text: cut(text, TEXT_MAX), lang: of });
      }
      break;
    }
    case 'recovering':
      title = with_('recovering');
      lead = state.slot === null ? '' : with_('turn', { time: time(state.slot, true) });
      break;
    case 'ok':
      if (o.back) {
        tone = 'back';
        title = with_('back');
      } else tone = 'action';
  }
  const about = actions.map(a => ({ a, text: ofAction(a, words, o.now) })).filter(l => l.text !== null).slice(-ACTIONS_MAX);
  // While all is well only what went otherwise than expected needs a word.
  const needed = tone === 'action' ? about.filter(({ a }) => a.state === 'unknown' || a.state === 'expired' || a.state === 'needs you' || a.state === 'saved' && o.now - a.at > SAVED_FOR_MS) : about;
  if (tone === 'action') {
    const first = needed.pop();
    if (!first) return null;
    title = first.text ?? '';
  }
  // What is kept, before what to do.
  const last = lines.findIndex(l => l.kind === 'do');
  lines.splice(last < 0 ? lines.length : last, 0, ...needed.map(({ text }) => ({ kind: 'action', text: text ?? '' }) as const));
  const url = notice?.site.url ?? '';
  return { tone, title, lead, lines, href: state.name !== 'you' && /^https:\/\//i.test(url) ? url : null, site };
}

/** Null: nothing that is known can be said of it. */
export function ofAction(a: Action, words: Words, now: number): string | null {
  const what = isolated(cut(a.label ?? words.act, NAME_MAX));
  // Without a receipt nothing is called kept.
  if (a.state === 'saved' && !a.receipt && !a.memoryOnly) return null;
  const key = a.state === 'unknown' ? a.final ? 'nobody' : 'unsure' : a.state === 'needs you' ? 'needs' : a.state === 'saved' && a.memoryOnly ? 'memory' : a.state;
  return fill(words[key], { what, time: clock(a.at, now, words.lang) });
}
