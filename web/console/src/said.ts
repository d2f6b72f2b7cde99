// What the fields of a form say, in the shape of the API.
import type { Words } from './api';
import type { Said } from './parts/Composer.svelte';

/** What was written, by language; the API has no use for empty ones. `undefined`: nothing was. */
export function words(texts: Record<string, string>): Words | undefined {
  const written = Object.entries(texts).map(([l, text]) => [l, text.trim()] as const).filter(([, text]) => text);
  return written.length ? Object.fromEntries(written) : undefined;
}

/** "Next update by", from the minutes that were chosen. */
export function nextUpdate(s: Said, now: number): { next_update_by?: string } {
  return s.next ? { next_update_by: new Date(now + Number(s.next) * 60_000).toISOString() } : {};
}

/** A text in the reader's language, or in the first one that it has. */
export function textIn(text: Words | null | undefined, lang: string): string {
  return typeof text === 'string' ? text : text?.[lang] ?? Object.values(text ?? {})[0] ?? '';
}
