/** One action as it is on disk: written by the outbox of a page, and by the worker for forms that the browser sends by itself. */
import type { Action } from '../bus.js';
import type { Sealed } from './store.js';

export const ACTIONS_MAX = 50;
/** Bytes of one body, and of all that wait. */
export const BODY_MAX = 1024 * 1024;
const BODIES_MAX = 5 * BODY_MAX;
/** What was not sent within this is not sent unasked any more. */
const EXPIRES_MS = 15 * 60_000;

/** What is sealed. */
export interface Content { url: string; method: string; headers: [string, string][]; label?: string; intent?: string; body?: ArrayBuffer }

export interface Row {
  key: string; state: Action['state']; at: number; since: number; expires: number; due: number; tries: number;
  /** A byte may have left since it was last certain that nothing did. */
  sent: boolean;
  /** The server said when; no hint of ours makes it earlier. */
  said: boolean;
  over: boolean; held: boolean; honours: boolean; memoryOnly: boolean; bytes: number; status?: number;
  content: Sealed; answer?: Sealed;
}

export const fresh = (now: number, bytes: number, content: Sealed, more: Partial<Row> = {}, expires = EXPIRES_MS): Row => ({
  key: newKey(), state: 'saved', at: now, since: now, expires: now + expires, due: now, tries: 0, sent: false, said: false, over: false, held: false, honours: false, memoryOnly: false, bytes, content, ...more,
});

/** Whether one more of this size may wait beside these. */
export const room = (rows: readonly Row[], bytes: number): boolean => rows.length < ACTIONS_MAX && rows.reduce((sum, row) => sum + row.bytes, bytes) <= BODIES_MAX;

/** One intent, and the same content. `body`: of the known one, where it is not on disk. */
export function same(known: Content, content: Content, body?: ArrayBuffer): boolean {
  const a = new Uint8Array(known.body ?? body ?? new ArrayBuffer(0)), b = new Uint8Array(content.body!);
  // A form of several parts has another boundary each time; its parts are compared by whoever made it (form.ts).
  return known.intent === content.intent && known.url === content.url && known.method === content.method && a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function newKey(): string {
  return globalThis.crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('');
}
