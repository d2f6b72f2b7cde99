// What was typed and not yet acknowledged, kept on this device until the server says that it is on its disk. With each draft goes
// the key under which it is sent: sent again after a lost answer, it is carried out once.
const PREFIX = 'stillhere-draft:';
/** Drafts that are kept; the oldest goes first. */
const MOST = 50;

export interface Draft<T> { at: number; key: string; value: T }

export function draftOf<T>(name: string): Draft<T> | null {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text ? JSON.parse(text) as Draft<T> : null;
  } catch {
    return null;
  }
}

/** Whether it could be kept. */
export function keepDraft<T>(name: string, value: T, key: string): boolean {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify({ at: Date.now(), key, value } satisfies Draft<T>));
    sweep();
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(name: string): void {
  try { localStorage.removeItem(PREFIX + name); } catch { /* There is nothing to drop then. */ }
}

function sweep(): void {
  const names = Object.keys(localStorage).filter(k => k.startsWith(PREFIX));
  if (names.length <= MOST) return;
  const age = (k: string) => { try { return (JSON.parse(localStorage.getItem(k) ?? '') as Draft<unknown>).at; } catch { return 0; } };
  names.sort((a, b) => age(a) - age(b)).slice(0, names.length - MOST).forEach(k => localStorage.removeItem(k));
}

/** A new request's own name. */
export const newKey = (): string =>
  crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), b => b.toString(16).padStart(2, '0')).join('');
