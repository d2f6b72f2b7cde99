/**
 * A form that the browser sends by itself, kept as the outbox keeps things: on disk before its first byte leaves, one key,
 * one sender. What cannot be kept goes the browser's own way, exactly once.
 */
import { askOrigin } from '../diagnose.js';
import { SECRET_NAME } from '../form/fields.js';
import { answered } from '../outbox/judge.js';
import { type Content, type Row, BODY_MAX, fresh, room } from '../outbox/row.js';
import { openStore } from '../outbox/store.js';
import { pace } from '../pace.js';
import type { Config, FetchEvent } from './config.js';
import { page } from './page.js';

const ANSWER_WITHIN_MS = 30_000;
/** A hidden field of this name says what it is in the person's words: "Your order". */
const LABEL = 'stillhere';

/** What is on its way: a second press gets the first one's answer. */
const under = new Map<string, Promise<Response>>();

export async function post(e: FetchEvent, config: Config): Promise<Response> {
  let taken: { row: Row; send(): Promise<Response> } | { again: string } | undefined;
  try {
    taken = await take(e.request.clone(), config);
  } catch { /* nothing was sent yet */ }
  if (!taken) return fetch(e.request);
  const key = 'again' in taken ? taken.again : taken.row.key;
  if ('send' in taken) {
    const sent = taken.send();
    under.set(key, sent);
    e.waitUntil(sent.finally(() => under.delete(key)).catch(() => {}));
  }
  // A page is told of it in any case: what happens to the record now is the outbox's.
  return (await under.get(key)?.catch(() => undefined))?.clone() ?? page(config, key);
}

async function take(request: Request, config: Config): Promise<{ row: Row; send(): Promise<Response> } | { again: string } | undefined> {
  const type = request.headers.get('content-type') ?? '';
  const body = await read(request);
  if (!body || body.byteLength > BODY_MAX) return;
  const parts: BlobPart[] = [];
  let label: string | undefined;
  for (const [name, value] of await new Response(body, { headers: { 'content-type': type } }).formData()) {
    if (SECRET_NAME.test(name) && value) return;
    if (name === LABEL && typeof value === 'string') label = value;
    parts.push(name, '\0', ...typeof value === 'string' ? [value] : [value.name, '\0', value], '\0');
  }
  const store = await openStore();
  if (!store.durable) return;
  const content: Content = { url: request.url, method: 'POST', headers: [['content-type', type], ['accept', 'text/html, application/json;q=0.9, */*;q=0.5']], intent: await intentOf(parts), body, ...label && { label } };
  return await navigator.locks.request('stillhere.take', async () => {
    const rows = (await store.all<Row>('action')).filter(row => !row.over);
    for (const row of rows) {
      const known = await store.open<Content>(row.content);
      if (known.intent === content.intent && known.url === content.url) return { again: row.key };
    }
    if (!room(rows, body.byteLength)) return;
    const row = fresh(Date.now(), body.byteLength, await store.seal(content));
    await store.put('action', row.key, row);
    const write = (change: Partial<Row>): Promise<void> => store.put('action', row.key, Object.assign(row, change, { since: Date.now() }));
    // It tells the pages only of what they have to go on with; what the origin answered the person sees.
    const left = async (change: Partial<Row>): Promise<Response> => {
      await write({ tries: 1, due: Date.now() + pace(0), ...change });
      new BroadcastChannel('stillhere.outbox').postMessage(row.key);
      return page(config, row.key);
    };
    const send = async (): Promise<Response> => await navigator.locks.request(`stillhere.action.${row.key}`, async () => {
      // A page that looked just now may have been quicker.
      const now = await store.get<Row>('action', row.key);
      if (!now || now.over || now.tries || now.sent) return page(config, row.key);
      // An origin that does not answer is not sent anything: then it is certain that nothing arrived.
      const { answer } = await askOrigin(config.ping ?? new URL(request.url).pathname);
      if (config.edge ? answer === 'none' : !/heard|busy/.test(answer)) return left({ tries: 0 });
      await write({ state: 'sending', sent: true });
      let response: Response;
      // For the answer, not for all of its body: that is on its way to the page by then.
      const late = new AbortController(), timer = setTimeout(() => late.abort(), ANSWER_WITHIN_MS);
      try {
        response = await fetch(request.url, {
          method: 'POST', headers: [...content.headers, ['idempotency-key', `"${row.key}"`]], body, referrer: request.referrer, redirect: 'manual', mode: 'same-origin', signal: late.signal,
        });
      } catch {
        return left({ state: 'unknown' });
      } finally {
        clearTimeout(timer);
      }
      // A redirection is for the browser to follow, and where it leads is not told to us.
      const verdict = response.type === 'opaqueredirect' ? { state: 'done' as const } : answered(response.status, response.headers);
      if (verdict.state === 'unknown' || verdict.state === 'sending' || verdict.unsent) return left({ state: verdict.state, sent: !verdict.unsent, held: verdict.held ?? false, status: response.status });
      await store.delete('action', row.key);
      return response;
    });
    return { row, send };
  });
}

/** Undefined: it is too large to be kept, and is not read to its end. */
async function read(request: Request): Promise<ArrayBuffer | undefined> {
  // Not every browser shows it as a stream.
  if (!request.body) return request.arrayBuffer();
  const reader = request.body.getReader(), pieces: BlobPart[] = [];
  for (let left = BODY_MAX, next; !(next = await reader.read()).done; pieces.push(next.value)) {
    if ((left -= next.value.length) < 0) return;
  }
  return new Blob(pieces).arrayBuffer();
}

/** What the person filled in. The bytes of the body will not do: a form of several parts has another boundary each time. */
async function intentOf(parts: BlobPart[]): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', await new Blob(parts).arrayBuffer());
  return `native ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}
