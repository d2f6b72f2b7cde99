// Times for people: of the device's own clock and zone, because that is what the reader's watch shows.
import { kept } from './kept.svelte';
import { live } from './live.svelte';
import { t } from './words';

const made = new Map<string, Intl.DateTimeFormat>();
function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = kept.lang + JSON.stringify(options);
  let f = made.get(key);
  if (!f) made.set(key, f = new Intl.DateTimeFormat(kept.lang, options));
  return f;
}

const HM: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const sameDay = (a: number, b: number) => new Date(a).toDateString() === new Date(b).toDateString();

/** `10:02`, or with the day where it is another one, and the year where that is another one, too. */
export function clock(time: string | number): string {
  const at = typeof time === 'number' ? time : Date.parse(time);
  if (sameDay(at, live.serverNow)) return format(HM).format(at);
  const sameYear = new Date(at).getFullYear() === new Date(live.serverNow).getFullYear();
  return format({ day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }), ...HM }).format(at);
}

/** To the second, for records. */
export function exact(time: string): string {
  return format({ day: 'numeric', month: 'short', year: 'numeric', ...HM, second: '2-digit' }).format(Date.parse(time));
}

export const day = (date: string): string => format({ day: 'numeric', month: 'short', timeZone: 'UTC' }).format(Date.parse(date));
export const weekday = (ms: number): string => format({ weekday: 'short', day: 'numeric', month: 'short' }).format(ms);

/** `3 s`, `12 min`, `2 h 5 min`, `3 d 4 h`. */
export function span(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1_000));
  const part = (n: number, unit: 's' | 'min' | 'h' | 'd') => t(`span-${unit}`, { n });
  const both = (a: string, b: string) => t('span-two', { large: a, small: b });
  if (s < 60) return part(s, 's');
  const m = Math.floor(s / 60);
  if (m < 60) return part(m, 'min');
  const h = Math.floor(m / 60);
  if (h < 24) return m % 60 ? both(part(h, 'h'), part(m % 60, 'min')) : part(h, 'h');
  const d = Math.floor(h / 24);
  return h % 24 ? both(part(d, 'd'), part(h % 24, 'h')) : part(d, 'd');
}

/** How long ago, or how long until, on the server's clock. */
export const since = (time: string): string => span(live.serverNow - Date.parse(time));
export const until = (time: string): string => span(Date.parse(time) - live.serverNow);

/** For `<input type=datetime-local>`, and back. */
export function toInput(at: number): string {
  const d = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return d.toISOString().slice(0, 16);
}
export const fromInput = (text: string): string | null => {
  const at = new Date(text).getTime();
  return Number.isNaN(at) ? null : new Date(at).toISOString();
};
export const zoneOfDevice = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** For `<input type=date>`, and the end of such a day. */
export const toDay = (at: number): string => toInput(at).slice(0, 10);
export const endOfDay = (date: string): string | null => fromInput(`${date}T23:59`);
