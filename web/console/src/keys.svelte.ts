// Keyboard shortcuts. Single letters can be turned off: who speaks to the machine would set them off by speaking (WCAG 2.1.4).
import { kept } from './kept.svelte';
import { PLACES } from './pages/places';
import { go } from './route.svelte';
import { session } from './session.svelte';

const mac = /Mac|iPhone|iPad/.test(navigator.platform);

/** What is open over the page, and how the key for commands is called here. */
export const hints = $state({ palette: false, help: false, menu: false, mod: mac ? '⌘' : 'Ctrl' });

/** After `g`, the next letter says where to. So long it is waited for. */
const CHORD_MS = 1_500;
let chord = 0;

/** What the open page does at a letter; each page says it while it is shown. */
const actions = new Map<string, () => void>();

/** Does `what` at this letter as long as the caller's component lives. For `$effect`. */
export function at(letter: string, what: () => void): () => void {
  actions.set(letter, what);
  return () => { if (actions.get(letter) === what) actions.delete(letter); };
}

export function listen(): void {
  $effect(() => {
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  });
}

const typing = (e: EventTarget | null) => e instanceof HTMLElement && (e.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName));

function pressed(e: KeyboardEvent): void {
  if (!session.person || e.isComposing) return;
  if ((mac ? e.metaKey : e.ctrlKey) && e.key.toLowerCase() === 'k') {
    e.preventDefault();
    hints.palette = !hints.palette;
    return;
  }
  if (e.ctrlKey || e.metaKey || e.altKey || typing(e.target) || !kept.shortcuts || hints.palette || hints.help || hints.menu) return;
  const place = chord && Date.now() - chord < CHORD_MS ? PLACES.find(p => p.key === e.key && session.may(p.role)) : undefined;
  chord = 0;
  if (place) void go(place.href);
  else if (e.key === 'g') chord = Date.now();
  else if (e.key === '?') hints.help = true;
  else if (e.key === '/') {
    const find = document.querySelector<HTMLInputElement>('main input[type=search]');
    if (find) find.focus();
    else hints.palette = true;
  } else if (e.key === 'n' && session.may('responder')) void go('/console/incidents/new');
  else if (e.key === 'j' || e.key === 'k') step(e.key === 'j' ? 1 : -1);
  else if (actions.has(e.key)) actions.get(e.key)?.();
  else return;
  e.preventDefault();
}

/** To the next thing in the page's lists, or the one before. */
function step(by: number): void {
  const all = [...document.querySelectorAll<HTMLElement>('main [data-step]')].filter(x => x.offsetParent !== null);
  const now = all.indexOf(document.activeElement as HTMLElement);
  all[Math.min(all.length - 1, Math.max(0, now + by))]?.focus();
}
