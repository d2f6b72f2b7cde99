/** The signed notice, as `docs/notice.md` has it: read, checked, and put in order. Whatever fails is not used. */

/** Longest notice that is read at all; a good one has at most 8 KiB. */
export const NOTICE_MAX_BYTES = 16 * 1024;
const CONTEXT = 'stillhere notice v1\n';

export type ByLanguage = Readonly<Record<string, string>>;
export type Status = 'under_maintenance' | 'unknown' | 'degraded_performance' | 'partial_outage' | 'major_outage';

/** What is used of the payload. Times are RFC 3339. */
export interface Notice {
  v: 1;
  epoch: number;
  seq: number;
  made_at: string;
  fresh_until: string;
  site: { name: ByLanguage; url: string };
  state: string;
  headline: ByLanguage;
  services: { id: string; name: ByLanguage; status: Status }[];
  services_left_out?: number;
  operational?: { id: string; name: ByLanguage }[];
  incidents: { id: string; title: ByLanguage; said: ByLanguage; said_at: string | null; services: string[]; over_by?: string | null; over_by_said?: string; over_by_passed?: boolean; next_update_by: string | null; url: string }[];
  maintenances: { title: ByLanguage; ends_at: string | null }[];
  /** Browsers are told once that an incident is over: what such a subscription is bound to, and where it is asked for. */
  push?: { key: string; url: string } | null;
}

/** True: `a` replaces `b`. */
export const newer = (a: Notice, b: Notice): boolean => a.epoch !== b.epoch ? a.epoch > b.epoch : a.seq !== b.seq ? a.seq > b.seq
    // The same said again: it is fresh.
    : Date.parse(a.made_at) > Date.parse(b.made_at);

const bytes = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0));

/** 32 bytes as 64 hexadecimal digits or as base64(url). */
export function keyOf(text: string): Uint8Array<ArrayBuffer> {
  const key = /^[\da-f]{64}$/i.test(text) ? Uint8Array.from(text.match(/../g) ?? [], h => parseInt(h, 16)) : bytes(text);
  if (key.length !== 32) throw new TypeError(`a public key has 32 bytes, this one ${key.length}`);
  return key;
}

const isTime = (t: unknown): boolean => typeof t === 'string' && !Number.isNaN(Date.parse(t));
const isObject = (o: unknown): boolean => typeof o === 'object' && o !== null && !Array.isArray(o);
const isList = (a: unknown, has: string[]): boolean =>
  Array.isArray(a) && a.every(o => isObject(o) && has.every(k => isObject((o as Record<string, unknown>)[k])));

/** Only what is used is looked at; a reader must not break on what a later version adds. */
function shaped(n: Notice): boolean {
  return n.v === 1 && Number.isSafeInteger(n.epoch) && Number.isSafeInteger(n.seq) && isTime(n.made_at) && isTime(n.fresh_until)
    && isObject(n.site) && isObject(n.site.name) && typeof n.site.url === 'string' && isObject(n.headline)
    && isList(n.services, ['name']) && isList(n.operational ?? [], ['name']) && isList(n.incidents, ['title', 'said']) && n.incidents.every(i => Array.isArray(i.services)) && isList(n.maintenances, ['title']);
}

/**
 * The payload of an envelope. `key` null: it came from where the page itself came from, and is not checked.
 *
 * @throws when it is not a notice, or not signed by this key.
 */
export async function read(text: string, key: Uint8Array<ArrayBuffer> | null): Promise<Notice> {
  const envelope = JSON.parse(text) as { notice: string; sig: string };
  const payload = bytes(envelope.notice);
  if (key) {
    const signed = new Uint8Array(CONTEXT.length + payload.length);
    signed.set(new TextEncoder().encode(CONTEXT));
    signed.set(payload, CONTEXT.length);
    const imported = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']);
    if (!await crypto.subtle.verify('Ed25519', imported, bytes(envelope.sig), signed)) throw new Error('wrong signature');
  }
  const notice = JSON.parse(new TextDecoder().decode(payload)) as Notice;
  if (!shaped(notice)) throw new Error('not a notice of version 1');
  return notice;
}
