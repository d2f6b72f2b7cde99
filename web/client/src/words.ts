/** Languages: which one, and how a sentence is filled in. The sentences are in `words/`, one file a language. */
import type { ByLanguage } from './notice.js';

/** Every sentence that the banner can say. The rules for them: `docs/client-behaviour.md`, "Words". */
export interface Words {
  /** BCP 47. */
  lang: string;
  label: string; hide: string; page: string;
  down: string; slow: string; part: string; unknown: string; you: string; offline: string; maintenance: string; recovering: string; back: string;
  ours: string; checking: string; yours: string; noNet: string; planned: string; plannedTo: string; overdue: string; turn: string;
  seen: string; fine: string; old: string; said: string; next: string; missed: string; noEta: string; likely: string; expected: string; longer: string; nothing: string; check: string;
  act: string; saved: string; memory: string; sending: string; unsure: string; nobody: string; done: string; refused: string; needs: string; expired: string;
}

/** `zh-Hans-SG` is spoken to in `zh-CN`; `de-AT` in `de`. The first of `wanted` that there is; null: none. */
export function choose(wanted: readonly string[], there: readonly string[]): string | null {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split('-')[0];
    const found = there.find(l => l.toLowerCase() === tag.toLowerCase()) ?? there.find(l => l.toLowerCase().split('-')[0] === base);
    if (found !== undefined) return found;
  }
  return null;
}

/** Words that came from elsewhere are only used if all are there. */
export const whole = (words: Partial<Words>, like: Words): words is Words => (Object.keys(like) as (keyof Words)[]).every(k => typeof words[k] === 'string');

export const fill = (sentence: string, values: Readonly<Record<string, string>>): string => sentence.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');

/** The text in this language, or in the first that there is. Notices have the site's languages, not all of ours. */
export function inLanguage(text: ByLanguage, lang: string): { text: string; lang: string } {
  const tag = choose([lang, 'en'], Object.keys(text)) ?? Object.keys(text)[0] ?? lang;
  return { text: String(text[tag] ?? ''), lang: tag };
}

const DAY_MS = 86_400_000;

/** The time of day where the visitor is; with the day, if it is not within half a day of now. */
export function clock(t: number, now: number, lang: string, seconds = false): string {
  const day: Intl.DateTimeFormatOptions = Math.abs(t - now) > DAY_MS / 2 ? { day: 'numeric', month: 'short' } : {};
  return new Intl.DateTimeFormat(lang, { hour: '2-digit', minute: '2-digit', ...seconds && { second: '2-digit' }, hourCycle: 'h23', ...day }).format(t);
}
