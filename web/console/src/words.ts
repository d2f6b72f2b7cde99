// What is said, in the reader's language. The messages are in `locales/<language>/console.ftl`.
import { kept } from './kept.svelte';
import type { Told } from './words.gen';

export type Lang = 'en' | 'zh-CN';
export type Key = keyof Told;
type Arguments<K extends Key> = Told[K] extends undefined ? [] : [Told[K]];
// Of a message that is told nothing, the words; of any other, who makes them.
export type Words = Record<string, string | ((told: Record<string, string | number>) => string)>;

export const LANGUAGES: Record<Lang, string> = { en: 'English', 'zh-CN': '简体中文' };
const LOADS: Record<Lang, () => Promise<{ default: Words }>> = {
  en: () => import('virtual:words/en'),
  'zh-CN': () => import('virtual:words/zh-CN'),
};

/** Of a few pages; loaded with them. */
const PARTS = {
  afterwards: { en: () => import('virtual:words/afterwards/en'), 'zh-CN': () => import('virtual:words/afterwards/zh-CN') },
  begin: { en: () => import('virtual:words/begin/en'), 'zh-CN': () => import('virtual:words/begin/zh-CN') },
  incident: { en: () => import('virtual:words/incident/en'), 'zh-CN': () => import('virtual:words/incident/zh-CN') },
  journal: { en: () => import('virtual:words/journal/en'), 'zh-CN': () => import('virtual:words/journal/zh-CN') },
  settings: { en: () => import('virtual:words/settings/en'), 'zh-CN': () => import('virtual:words/settings/zh-CN') },
} satisfies Record<string, Record<Lang, () => Promise<{ default: Words }>>>;

const known: Partial<Record<Lang, Words>> = {};
/** What was loaded of the parts. */
const parts: Partial<Record<Lang, Words>> = {};

/** A message. In `lang` only where another language than the reader's is meant: then it must have been loaded. */
export function t<K extends Key>(key: K, ...told: Arguments<K>): string {
  return said(kept.lang, key, ...told);
}

export function said<K extends Key>(lang: Lang, key: K, ...told: Arguments<K>): string {
  const message = known[lang]?.[key] ?? parts[lang]?.[key] ?? key;
  return typeof message === 'string' ? message : message((told[0] ?? {}) as Record<string, string | number>);
}

/** Loads a language, so that `t` and `said` have it. */
export async function speak(lang: Lang): Promise<void> {
  known[lang] ??= (await LOADS[lang]()).default;
}

/** Loads the words of a part, in the reader's language or in another one. */
export async function speakOf(part: keyof typeof PARTS, lang: Lang = kept.lang): Promise<void> {
  const { default: words } = await PARTS[part][lang]();
  Object.assign(parts[lang] ??= {}, words);
}
