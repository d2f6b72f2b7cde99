// What this device remembers of its reader's wishes. Nothing of it is secret.
import type { Lang } from './words';

export type Theme = 'auto' | 'light' | 'dark';
const PLACE = 'stillhere-console';

interface Kept { lang: Lang; theme: Theme; shortcuts: boolean }

function spoken(): Lang {
  return navigator.languages.find(l => /^(en|zh)\b/i.test(l))?.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}

function read(): Kept {
  const usual: Kept = { lang: spoken(), theme: 'auto', shortcuts: true };
  try {
    const was = JSON.parse(localStorage.getItem(PLACE) ?? '{}') as Partial<Kept>;
    return {
      lang: was.lang === 'en' || was.lang === 'zh-CN' ? was.lang : usual.lang,
      theme: was.theme === 'light' || was.theme === 'dark' ? was.theme : 'auto',
      shortcuts: was.shortcuts !== false,
    };
  } catch {
    return usual;
  }
}

export const kept: Kept = $state(read());

/** A wish, from now on. */
export function keep(wish: Partial<Kept>): void {
  Object.assign(kept, wish);
  try {
    localStorage.setItem(PLACE, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing still obeys until it is closed.
  }
  dress();
}

const HEARD = 'stillhere-heard';
/** Written down no more often than this. */
const HEARD_EVERY_MS = 10_000;
let written = 0;

/** The server has answered: when it does not, later on, it is said since when. */
export function heardNow(at: number): void {
  if (at - written < HEARD_EVERY_MS) return;
  written = at;
  try { localStorage.setItem(HEARD, String(at)); } catch { /* Then nothing is said about it. */ }
}

/** When the server last answered this device, by its own clock. */
export function lastHeard(): number | null {
  try { return Number(localStorage.getItem(HEARD)) || null; } catch { return null; }
}

/** Language and colours of the document itself. */
export function dress(): void {
  const root = document.documentElement;
  root.lang = kept.lang;
  if (kept.theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = kept.theme;
}
