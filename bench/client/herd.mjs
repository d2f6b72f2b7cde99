// How synchronised ten thousand clients come back after a minute without a server: `node herd.mjs WHO [TYPE]`. One line of JSON.
// TYPE: the share of them who press a key each second all the while, which a client may take for a wish to be back.
//
// The code that is shipped, under a clock that jumps from one timer to the next: each dial is refused at once until the server is back, and
// accepted then. Counted is how many arrive in the worst second, and in how long all are back.
const [, , who, share = '0'] = process.argv;
const CLIENTS = 10_000, KEY_MS = 1_000, OUTAGE_MS = 60_000, LOOK_MS = 600_000;

// === The clock ===
let now = 0, ids = 0;
const heap = [];
const real = globalThis.setTimeout;
function push(e) { let i = heap.push(e) - 1; while (i) { const up = (i - 1) >> 1; if (heap[up].at <= e.at) break; heap[i] = heap[up]; i = up; } heap[i] = e; }
function pop() {
  const first = heap[0], e = heap.pop();
  if (heap.length) { let i = 0; for (;;) { let c = 2 * i + 1; if (c >= heap.length) break; if (c + 1 < heap.length && heap[c + 1].at < heap[c].at) c += 1; if (heap[c].at >= e.at) break; heap[i] = heap[c]; i = c; } heap[i] = e; }
  return first;
}
const off = new Set();
const later = (f, ms = 0, ...args) => { const id = ++ids; push({ at: now + Math.max(0, ms || 0), id, f: () => f(...args) }); return Object.assign(Object(id), { unref() { return this; }, ref() { return this; }, [Symbol.toPrimitive]: () => id }); };
const never = id => { if (id !== undefined && id !== null) off.add(Number(id)); };
Object.assign(globalThis, { setTimeout: later, clearTimeout: never, setInterval: (f, ms) => { let at; const again = () => { f(); at = later(again, ms); }; at = later(again, ms); return at; }, clearInterval: never });
Date.now = () => now;
performance.now = () => now;

// === The server ===
const back = 1_000 + OUTAGE_MS, arrivals = new Map();
let dials = 0, arrived = 0;
const alive = () => now < 1_000 || now >= back;
function arrives() {
  if (now < back) return;
  arrived += 1;
  const second = Math.floor(now / 1_000);
  arrivals.set(second, (arrivals.get(second) ?? 0) + 1);
}
/** A dial that is answered in the same moment. Twenty bytes of talk are not part of it. */
const connected = new Set();
class Wire extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;
  CONNECTING = 0; OPEN = 1; CLOSING = 2; CLOSED = 3;
  readyState = 0; bufferedAmount = 0; protocol = ''; extensions = ''; binaryType = 'blob';
  constructor(url) { super(); this.url = url; if (now >= 1_000) dials += 1; later(() => { if (alive()) { this.readyState = 1; connected.add(this); arrives(); this.fire('open'); } else { this.fire('error'); this.drop(); } }, 1); }
  fire(type, more = {}) { const e = Object.assign(new Event(type), more); this[`on${type}`]?.(e); this.dispatchEvent(e); }
  drop() { connected.delete(this); this.readyState = 3; this.fire('close', { code: 1006, reason: '', wasClean: false }); }
  send() {}
  close() { this.readyState = 3; connected.delete(this); }
}
const streams = new Set();
const stream = async () => {
  if (now >= 1_000) dials += 1;
  if (!alive()) throw new TypeError('refused');
  arrives();
  return new Response(new ReadableStream({ start(c) { streams.add(c); } }), { headers: { 'content-type': 'text/event-stream' } });
};
globalThis.fetch = stream;
globalThis.WebSocket = Wire;

// === Who comes back ===
/** What each of those who type has put upon the page's keys. */
let mine;
const typing = [];
globalThis.addEventListener = (kind, handler) => { if (kind === 'keydown') mine?.push(handler); };
const each = make => {
  for (let i = 0; i < CLIENTS; i += 1) later(() => {
    mine = i < CLIENTS * Number(share) ? [] : undefined;
    make(i);
    if (mine?.length) typing.push(mine);
  }, 0);
};
/** Each by its own beat. */
const type = () => { for (const handlers of typing) { const press = () => { for (const h of handlers) h(new Event('keydown')); later(press, KEY_MS); }; later(press, Math.random() * KEY_MS); } };
/** Both throw this dice once for each page, which here is once for all ten thousand if it is left to them. */
const own = () => ({ minReconnectionDelay: 1_000 + Math.random() * 4_000 });
const KINDS = {
  /** A page: it asks the origin until that answers, and returns in its turn, which it chooses by its own dice where nobody knows the size of the crowd. */
  async 'stillhere page'() {
    const { initial, step } = await import('../../web/client/dist/esm/truth.js'), config = { mirrors: [], edge: undefined };
    each(() => {
      let m = initial, timer, was;
      const hear = event => {
        const { model, effects } = step(m, event, { mono: now, wall: now }, Math.random(), config);
        m = model;
        if (was === 'recovering' && m.name === 'ok') return arrives();
        was = m.name;
        for (const e of effects.filter(e => e.ask === 'origin')) { dials += 1; later(() => hear({ t: 'origin', round: e.round, answer: alive() ? 'heard' : 'none' }), 1); }
        clearTimeout(timer);
        if (Number.isFinite(m.due)) timer = later(() => hear({ t: 'time' }), m.due - now);
      };
      hear({ t: 'start' });
      later(() => hear({ t: 'failed' }), 1_000 - now);
    });
  },
  async 'stillhere Socket'() { const { Socket } = await import('../../web/client/dist/esm/socket.js'); each(() => new Socket('ws://shop.example/ws', [], { WebSocket: Wire })); },
  async 'stillhere EventStream'() { const { EventStream } = await import('../../web/client/dist/esm/sse.js'); each(() => new EventStream('http://shop.example/events')); },
  async partysocket() { const { WebSocket } = await import('partysocket'); each(() => new WebSocket('ws://shop.example/ws', [], { WebSocket: Wire, ...own() }).addEventListener('error', () => {})); },
  async 'reconnecting-websocket'() { const { default: m } = await import('reconnecting-websocket'); each(() => new (m.default ?? m)('ws://shop.example/ws', [], { WebSocket: Wire, ...own() }).addEventListener('error', () => {})); },
  async eventsource() { const { EventSource } = await import('eventsource'); each(() => new EventSource('http://shop.example/events', { fetch: stream })); },
};
await KINDS[who]();
later(type, 1_000);
const settle = () => new Promise(done => setImmediate(done));
let breaks = true;
while (heap.length && heap[0].at < LOOK_MS && arrived < CLIENTS) {
  if (breaks && heap[0].at >= 1_000) { breaks = false; for (let i = 0; i < 100; i += 1) await settle(); now = 1_000; for (const w of [...connected]) w.drop(); for (const s of streams) { try { s.error(new TypeError('cut')); } catch { /* it has ended */ } } streams.clear(); for (let i = 0; i < 100; i += 1) await settle(); }
  const at = heap[0].at;
  now = at;
  while (heap.length && heap[0].at === at) { const e = pop(); if (!off.delete(e.id)) e.f(); }
  // What hangs on promises goes on before the clock does.
  await settle();
}
const worst = Math.max(0, ...arrivals.values()), last = Math.max(0, ...arrivals.keys());
console.log(JSON.stringify({ result: { who, typing: typing.length, arrived, worst, within: arrived ? last - Math.floor(back / 1_000) + 1 : null, dials: Math.round((dials - arrived) / CLIENTS * 10) / 10 } }));
process.exit(0);
