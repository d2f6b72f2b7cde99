/**
 * Things that a person did, kept until the server's word about them is known: saved on disk before they are sent, never
 * sent twice without that word, whatever happens to the tab, the browser or the origin. See outbox/judge.ts for what
 * an answer means.
 *
 * Each attempt but the first asks the edge what became of the last one (`/.well-known/stillhere/action/<key>`) and
 * repeats, under the same key, only what surely reached no origin, or where the origin does a request once for each key.
 */
import { type Action, emit, on } from './bus.js';
import { answered, retryAfter, told, type Verdict } from './outbox/judge.js';
import { type Content, type Row, BODY_MAX, fresh, room, same } from './outbox/row.js';
import { openStore, type Store } from './outbox/store.js';
import { pace } from './pace.js';

/** Of a longer answer only the status is kept. */
const ANSWER_MAX = 64 * 1024;
/** How long it is asked what became of something, and how long a settled one is kept as its receipt. */
const AGE_MAX_MS = 24 * 3_600_000;
/** Receipts; the oldest go first. */
const SETTLED_MAX = 100;
const ANSWER_WITHIN_MS = 30_000;
const ASK_WITHIN_MS = 5_000;
/** Another tab is at it, or the network is off: look again. */
const LOOK_AGAIN_MS = 1_000;
/** A sender that sends nothing lets go again. */
const TURN_MS = 20;
/** Clocks are set and computers sleep. */
const LOOK_MAX_MS = 60_000;
/** After a hint that the origin is back. */
const HURRY_MS = 1_500;
const OWN = '/.well-known/stillhere/action/';
/** Who somebody is, is asked for anew each time and never stored. */
const NEVER_STORED = /^(authorization|cookie|proxy-authorization|idempotency-key)$/i;

export interface SendOptions {
  method?: string;
  body?: BodyInit | null;
  headers?: HeadersInit;
  /** One for each thing that a person means to do. Default: a new one. */
  key?: string;
  /** In the visitor's words: "Your order". */
  label?: string;
  /** Ms after which it is not sent any more unasked. Default: 15 minutes. */
  expires?: number;
  /** Two sends of one intent with the same content are one action while it is not settled: the button pressed twice. */
  intent?: string;
  /** The body is not written to disk (it holds a secret); only that it was done is. */
  memoryOnly?: boolean;
  /** The origin does a request once for each `Idempotency-Key`, with or without an edge. */
  honours?: boolean;
}

export interface Settled extends Action {
  /** Absent where only the edge's word about it is known. */
  response?: Response;
}

export interface Sent extends Action {
  intent?: string;
  /** Nothing more will happen to it. */
  over: boolean;
  /** Its end: `done`, `refused`, `expired`, `needs you`, or `unknown` when nobody will ever know. */
  settled: Promise<Settled>;
}

export interface OutboxOptions {
  /** Other origins that actions may go to. Never list one that takes payments. */
  origins?: readonly string[];
  /** Headers that are made at the moment of sending, such as `Authorization` or a token against forgery. */
  headers?: (url: string) => HeadersInit | Promise<HeadersInit>;
  /** False: the origin is known not to answer, and nobody in front of it takes anything in: what is not sent surely did not arrive. */
  ready?: () => boolean | Promise<boolean>;
}

interface Answer { url: string; headers: [string, string][]; body?: ArrayBuffer }
let store: Promise<Store> | undefined;
let options: OutboxOptions = {};
let timer: ReturnType<typeof setTimeout> | undefined;
let armed = 0;
let channel: BroadcastChannel | undefined;
const bodies = new Map<string, ArrayBuffer>();
const waiting = new Map<string, ((settled: Settled) => void)[]>();
const busy = new Set<string>();

export function configureOutbox(more: OutboxOptions): void {
  options = { ...options, ...more };
}

/** The disk, opened once; whoever opens it takes up what an earlier page left. */
export function disk(): Promise<Store> {
  return store ??= openStore().then(opened => {
    channel = globalThis.BroadcastChannel && new BroadcastChannel('stillhere.outbox');
    if (channel) channel.onmessage = ({ data }) => void opened.get<Row>('action', data).then(row => { if (row) void tell(opened, row); arm(0); });
    for (const kind of ['online', 'pageshow']) globalThis.addEventListener?.(kind, hurry);
    globalThis.document?.addEventListener('visibilitychange', hurry);
    on('state', state => { if (state.name === 'ok') hurry(); });
    arm(0);
    return opened;
  });
}

/** Takes it in; it is on disk when the promise is kept (or, as `memoryOnly` says, only in this tab). */
export async function send(url: string | URL, init: SendOptions = {}): Promise<Sent> {
  const to = new URL(url, globalThis.location?.href);
  const method = (init.method ?? 'POST').toUpperCase();
  if (to.origin !== globalThis.location?.origin && !options.origins?.includes(to.origin)) throw new TypeError(`stillhere: ${to.origin} is another origin and not listed`);
  if (/^(GET|HEAD|OPTIONS|TRACE|CONNECT)$/.test(method)) throw new TypeError(`stillhere: ${method} changes nothing and is not kept`);
  const whole = new Response(init.body ?? null);
  const body = await whole.arrayBuffer();
  if (body.byteLength > BODY_MAX) throw new RangeError(`stillhere: ${body.byteLength} bytes are more than ${BODY_MAX}`);
  const headers = new Headers(init.headers);
  const type = whole.headers.get('content-type');
  if (type && !headers.has('content-type')) headers.set('content-type', type);
  const content: Content = { url: to.href, method, headers: [...headers].filter(([name]) => !NEVER_STORED.test(name)), body };
  if (init.label !== undefined) content.label = init.label;
  if (init.intent !== undefined) content.intent = init.intent;

  const s = await disk();
  // Pressed twice, in one tab or in two, is looked at one after the other.
  return await inTurn(() => take(s, content, body, init));
}

async function take(s: Store, content: Content, body: ArrayBuffer, init: SendOptions): Promise<Sent> {
  const rows = (await s.all<Row>('action')).filter(row => !row.over);
  for (const row of rows) {
    if (init.key ? row.key === init.key : init.intent !== undefined && same(await s.open<Content>(row.content), content, bodies.get(row.key))) return handle(s, row);
  }
  if (!room(rows, body.byteLength)) throw new RangeError('stillhere: too much waits to be sent already');

  const row = fresh(Date.now(), body.byteLength, new ArrayBuffer(0), { honours: init.honours ?? false, memoryOnly: init.memoryOnly || !s.durable, ...init.key && { key: init.key } }, init.expires);
  bodies.set(row.key, body);
  if (init.memoryOnly) delete content.body;
  row.content = await s.seal(content);
  try {
    await write(s, row);
  } catch {
    // The disk is full or denied: it is done all the same, and nobody is told that it is kept.
    row.memoryOnly = true;
    s.keep('action', row.key, row);
    await tell(s, row);
  }
  if (!row.memoryOnly) void navigator.storage?.persist?.().catch(() => {});
  arm(0);
  return handle(s, row);
}

/** All that are known, settled ones (for a day) too; oldest first. */
export async function actions(): Promise<Sent[]> {
  const s = await disk();
  return Promise.all((await rows(s)).map(row => handle(s, row)));
}

/** Oldest first. */
async function rows(s: Store): Promise<Row[]> {
  return (await s.all<Row>('action')).sort((a, b) => a.at - b.at);
}

/** Takes it back. False: a part of it may have been sent already. */
export async function cancel(key: string): Promise<boolean> {
  const s = await disk();
  for (;;) {
    // A sender that is at it has written so before its first byte; until then it lets go soon, and the action is still ours to take back.
    const row = await s.get<Row>('action', key);
    if (!row || row.sent || row.held) return false;
    const back = await alone(key, async () => {
      const row = await s.get<Row>('action', key);
      if (!row || row.sent || row.held) return false;
      await settle(s, row, { state: 'expired' });
      await s.delete('action', key);
      return true;
    });
    if (back !== undefined) return back;
    await new Promise(again => setTimeout(again, TURN_MS));
  }
}

/** The person did what was needed (logged in): once more, under the same key. */
export async function retry(key: string): Promise<void> {
  const s = await disk();
  await alone(key, async () => {
    const row = await s.get<Row>('action', key);
    if (row?.state === 'needs you') await write(s, Object.assign(row, { state: 'saved', over: false, sent: false, tries: 0, due: 0, since: Date.now() }));
  });
  arm(0);
}

/** Wipes everything, such as at a log-out. What is on its way stays on its way. */
export async function forget(): Promise<void> {
  bodies.clear();
  await (await disk()).wipe();
}

// === one attempt ===

/** Every tab has its own clock; who has the lock of an action is its one sender. The lock dies with its tab. */
async function look(): Promise<void> {
  const s = await disk();
  const now = Date.now();
  let next = Infinity;
  const all = await rows(s);
  let settled = all.filter(row => row.over).length;
  for (const row of all) {
    if (row.over) {
      if (now - row.since > AGE_MAX_MS || settled-- > SETTLED_MAX) await s.delete('action', row.key);
    } else if (row.due > now) next = Math.min(next, row.due);
    else void alone(row.key, () => attempt(s, row.key)).then(done => arm(done === undefined ? LOOK_AGAIN_MS : 0), () => arm(LOOK_AGAIN_MS));
  }
  if (next < Infinity) arm(next - now);
}

async function attempt(s: Store, key: string): Promise<true | undefined> {
  const row = await s.get<Row>('action', key);
  if (!row || row.over || row.due > Date.now()) return true;
  // What surely never left is not promised for longer than it will be sent, whoever answers or not.
  if (!row.sent && !row.held && Date.now() > row.expires) return apply(s, row, { state: 'expired' });
  // As if somebody else was at it: nothing about it has changed.
  if (globalThis.navigator?.onLine === false || await options.ready?.() === false) return;
  const content = await s.open<Content>(row.content);
  const body = content.body ?? bodies.get(key) ?? (row.bytes ? undefined : new ArrayBuffer(0));
  // A sender that left no word is in doubt as much as one that got none.
  if (row.tries || row.sent) {
    const [verdict, wait] = await ask(content, row);
    const safe = verdict.unsent || verdict.alone && (row.honours || !row.sent);
    if (!safe) {
      const over = verdict.alone || Date.now() - row.at > AGE_MAX_MS;
      return apply(s, row, over ? { state: 'unknown', final: true } : verdict, wait);
    }
    row.sent = row.sent && !verdict.unsent;
  }
  if (!body || Date.now() > row.expires) return apply(s, row, row.sent ? { state: 'unknown', final: true } : { state: 'expired' });

  // On disk before the first byte leaves, or no byte leaves.
  await put(s, row, { state: 'sending', sent: true, held: false });
  const headers = new Headers(content.headers);
  for (const [name, value] of new Headers(await options.headers?.(content.url))) headers.set(name, value);
  headers.set('idempotency-key', `"${key.replace(/["\\]/g, '\\$&')}"`);
  if (!headers.has('accept')) headers.set('accept', 'application/json, */*;q=0.5');
  let response: Response, answer: ArrayBuffer;
  try {
    response = await fetch(content.url, { method: content.method, headers, body: row.bytes ? body : null, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    answer = await response.arrayBuffer();
  } catch {
    emit('seen', 'failed');
    return apply(s, row, { state: 'unknown' });
  }
  seen(response);
  const verdict = answered(response.status, response.headers, response.redirected ? new URL(response.url).pathname : undefined);
  row.status = response.status;
  if (verdict.state === 'done' || verdict.state === 'refused') {
    const kept: Answer = { url: response.url, headers: [...response.headers] };
    if (answer.byteLength <= ANSWER_MAX) kept.body = answer;
    row.answer = await s.seal(kept);
  }
  return apply(s, row, verdict, retryAfter(response.headers, Date.now()));
}

async function ask({ url }: Content, row: Row): Promise<[Verdict, number | undefined]> {
  const { origin, pathname } = new URL(url);
  try {
    const response = await fetch(`${origin}${OWN}${encodeURIComponent(row.key)}?to=${pathname}`, { cache: 'no-store', headers: new Headers(await options.headers?.(url)), signal: AbortSignal.timeout(ASK_WITHIN_MS) });
    const view = await response.json().catch(() => undefined);
    // The edge says that it still has it: then the origin did not take it.
    seen(response, (view as { state?: string } | undefined)?.state === 'saved');
    return [told(response.status, response.headers, view, (row.status ?? 0) >= 500, (Date.now() - row.at) / 1_000), retryAfter(response.headers, Date.now())];
  } catch {
    emit('seen', 'failed');
    // Nobody answered: that tells nothing of the action.
    return [{ state: row.sent ? 'unknown' : 'saved', held: row.held }, undefined];
  }
}

async function apply(s: Store, row: Row, verdict: Verdict, wait?: number): Promise<true> {
  if (verdict.final || !/saved|sending|unknown/.test(verdict.state)) return settle(s, row, verdict);
  // What is asked again of those who sent nothing waits as those do: paced, and not before the server wants it.
  const due = Date.now() + Math.max(wait ?? 0, pace(row.tries));
  return put(s, row, { state: verdict.state, due, said: wait !== undefined, held: verdict.held ?? false, sent: row.sent && !verdict.unsent, tries: row.tries + 1 });
}

async function settle(s: Store, row: Row, { state }: Verdict): Promise<true> {
  bodies.delete(row.key);
  return put(s, row, { state, over: true, held: false });
}

async function put(s: Store, row: Row, change: Partial<Row>): Promise<true> {
  if (change.state && change.state !== row.state) row.since = Date.now();
  await write(s, Object.assign(row, change));
  return true;
}

// === the record, and who hears of it ===

async function write(s: Store, row: Row): Promise<void> {
  await s.put('action', row.key, row);
  channel?.postMessage(row.key);
  await tell(s, row);
}

async function tell(s: Store, row: Row): Promise<void> {
  const action = await view(s, row);
  emit('action', action);
  if (row.over) await resolve(s, row, action);
}

async function resolve(s: Store, row: Row, action: Action): Promise<void> {
  const waiters = waiting.get(row.key);
  waiting.delete(row.key);
  for (const waiter of waiters ?? []) waiter(await settled(s, row, action));
}

async function view(s: Store, row: Row): Promise<Action> {
  const { label } = await s.open<Content>(row.content);
  const action: Action = { key: row.key, state: row.state, at: row.since, receipt: s.durable && !row.memoryOnly || row.held || row.state === 'done' };
  if (label !== undefined) action.label = label;
  if (row.memoryOnly) action.memoryOnly = true;
  if (row.over && row.state === 'unknown') action.final = true;
  return action;
}

async function settled(s: Store, row: Row, action: Action): Promise<Settled> {
  if (!row.answer) return action;
  const { url, headers, body } = await s.open<Answer>(row.answer);
  const response = new Response(/^(204|205|304)$/.test(String(row.status)) ? null : body ?? null, { status: row.status!, headers });
  Object.defineProperty(response, 'url', { value: url });
  return { ...action, response };
}

async function handle(s: Store, row: Row): Promise<Sent> {
  const action = await view(s, row);
  const { intent } = await s.open<Content>(row.content);
  return {
    ...action, over: row.over, ...intent === undefined ? {} : { intent },
    settled: row.over ? settled(s, row, action) : new Promise(done => {
      waiting.set(row.key, [...waiting.get(row.key) ?? [], done]);
      // It may have been settled since we looked.
      void s.get<Row>('action', row.key).then(async now => { if (now?.over) await resolve(s, now, await view(s, now)); });
    }),
  };
}

// === when ===

/** The earliest wish counts. */
function arm(ms: number): void {
  const at = performance.now() + Math.min(ms, LOOK_MAX_MS);
  if (timer !== undefined && at >= armed) return;
  clearTimeout(timer);
  armed = at;
  timer = setTimeout(() => {
    timer = undefined;
    void look().catch(() => arm(LOOK_AGAIN_MS));
  }, at - performance.now());
}

/** The origin may be back, or the network: what waits by our own pace alone need not wait longer. */
function hurry(): void {
  if (globalThis.document?.hidden || globalThis.navigator?.onLine === false) return;
  void disk().then(async s => {
    for (const { key, over, said } of await s.all<Row>('action')) {
      if (!over && !said) await alone(key, async () => {
        const row = await s.get<Row>('action', key);
        if (row && !row.over) await s.put('action', key, { ...row, due: Math.min(row.due, Date.now() + Math.random() * HURRY_MS) });
      });
    }
    arm(0);
  });
}

/** What the edge kept (202, with its own header) did not reach the origin either. */
function seen(response: Response, kept = response.status === 202 && response.headers.has('stillhere-why')): void {
  emit('seen', kept || /^5(0[234]|2\d|30)$/.test(String(response.status)) ? 'failed' : 'heard');
  const slot = Number(response.headers.get('stillhere-return') ?? NaN);
  if (slot >= 0) emit('slot', slot * 1_000);
}

/** Runs `work` if nobody else is at this action, in whichever tab. Undefined: somebody is. */
async function alone<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
  if (busy.has(key)) return;
  busy.add(key);
  try {
    if (!globalThis.navigator?.locks) return await work();
    return await navigator.locks.request(`stillhere.action.${key}`, { ifAvailable: true }, async lock => lock ? await work() : undefined) as T | undefined;
  } finally {
    busy.delete(key);
  }
}

let turn: Promise<unknown> = Promise.resolve();
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (globalThis.navigator?.locks) return await navigator.locks.request('stillhere.take', work) as T;
  const mine = turn.then(work);
  turn = mine.catch(() => {});
  return mine;
}
