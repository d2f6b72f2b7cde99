// Which page is open: the address below `/console/`, as its parts.
import { tick } from 'svelte';

const BASE = '/console/';
let path = $state(location.pathname.slice(BASE.length));
let query = $state(location.search);
let moved = $state(0);

/** `incidents/01J…` as ['incidents', '01J…']; the overview as ['']. */
export const route = {
  get parts(): string[] { return path.split('/').map(p => { try { return decodeURIComponent(p); } catch { return p; } }); },
  /** Counts the ways that were gone: none yet when a page was opened from outside. */
  get moved(): number { return moved; },
  get query(): URLSearchParams { return new URLSearchParams(query); },
};

export const href = (...parts: string[]): string => BASE + parts.map(encodeURIComponent).join('/');

export async function go(to: string): Promise<void> {
  const url = new URL(to, location.origin);
  if (url.pathname + url.search !== location.pathname + location.search) history.pushState(null, '', url);
  await arrive();
  scrollTo(0, 0);
}

/** Another page in place of this one: back leads to the one before. */
export async function replace(to: string): Promise<void> {
  history.replaceState(null, '', to);
  await arrive();
}

async function arrive(): Promise<void> {
  path = location.pathname.slice(BASE.length);
  query = location.search;
  moved += 1;
  await tick();
}

/** Plain clicks on addresses of ours stay in this document. */
export function followLinks(): void {
  addEventListener('popstate', () => void arrive());
  document.addEventListener('click', e => {
    const a = (e.target as Element).closest?.('a');
    if (!a || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    if (a.target || a.origin !== location.origin || !a.pathname.startsWith(BASE)) return;
    e.preventDefault();
    void go(a.href);
  });
}
