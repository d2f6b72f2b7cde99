/**
 * A drop-in for `WebSocket` that outlives cuts: through the edge with nothing lost, doubled or reordered
 * (docs/socket-resume.md); without one as an ordinary WebSocket that dials again and says that there is a gap.
 *
 * What differs from a WebSocket: `open` fires again whenever the socket has a *new* connection to an origin, which
 * knows nothing of the one before. While the connection is away, `readyState` stays `OPEN` and what is sent is kept.
 */
import { emit } from './bus.js';
import { spread } from './pace.js';
import { Session, type Payload, type Said, type Saved } from './socket/session.js';

export type { Payload } from './socket/session.js';

const RESUME = 'stillhere.resume.v1';
/** The edge says something every 5 s; after so much silence the connection is dead. */
const SILENCE_MS = 8_000;
/** From dialling to `welcome`. */
const DIAL_MS = 10_000;
/** Nobody waits longer than this for the other side to answer a Close: browsers wait up to 60 s. */
const CLOSE_MS = 1_000;
/** The first redial comes at a random moment within this. */
const AT_ONCE_MS = 300;
/** A connection that lived so long was a good one: the next cut is a new trouble. */
const GOOD_MS = 1_000;
const ACK_MS = 200;
/** An origin that stays away is evidence again, after twice as long each time: a round right after the first word may have met
 * a node that died a moment later. */
const STILL_AWAY_MS = 1_500;
const STILL_AWAY_MAX_MS = 60_000;
/** A session stays at the edge when a connection is closed with this. */
const LATER = 4900;
/** The session is over, and a new one may begin: unknown, protocol, edge goes, come another time. */
const ANEW = [4901, 4903, 1012, 1013];
const STORE = 'stillhere.socket.';

export type SocketState = 'connecting' | 'open' | 'resuming' | 'away' | 'closed';

export interface SocketOptions {
  /** A name, unique in the page: a reload of this tab goes on with the session. The application must know what its
   * state was, because the origin does not notice the reload. */
  tab?: string;
  /** Makes the connections. Default: the platform's. */
  WebSocket?: new (url: string, protocols?: string[]) => WebSocket;
}

export interface SocketEvents {
  open: Event;
  message: MessageEvent;
  close: CloseEvent;
  error: Event;
  /** The connection (`resuming`) or the origin behind the edge (`away`) is gone; what is sent is kept. */
  away: CustomEvent<{ state: SocketState }>;
  /** It goes on. `fresh`: with an origin that knows nothing of before; `open` follows. */
  back: CustomEvent<{ fresh: boolean }>;
  /** Messages are gone for good. `lost`: how many; undefined: nobody knows. */
  gap: CustomEvent<{ side: 'received' | 'sent'; lost: number | undefined }>;
  /** Nobody knows whether an origin read these messages; they are not sent again. `count` may be more than are kept. */
  uncertain: CustomEvent<{ messages: Payload[]; count: number }>;
  /** What the edge knows of the outage; null: nothing any more. */
  notice: CustomEvent<{ text: string; state?: string; eta?: number } | null>;
}
type Name = keyof SocketEvents;

export class Socket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  readonly url: string;
  readonly extensions = '';
  readyState = 0;
  protocol = '';
  state: SocketState = 'connecting';
  onopen: ((event: Event) => unknown) | null = null;
  onmessage: ((event: MessageEvent) => unknown) | null = null;
  onclose: ((event: CloseEvent) => unknown) | null = null;
  onerror: ((event: Event) => unknown) | null = null;

  #offer: string[];
  #options: SocketOptions;
  #session = new Session();
  #binary: BinaryType = 'blob';
  #ws: WebSocket | undefined;
  /** The other side does not speak the protocol, as far as we know. */
  #plain = false;
  #everPlain = false;
  /** An edge has spoken the protocol here: whoever does not take the offer is only away. */
  #edge = false;
  #origin = false;
  /** It has been away since, in this trouble; 0: it has not waited. */
  #gone = 0;
  /** A person's own act counts from then on. */
  #half = 0;
  #within = 0;
  #since = 0;
  #heard = 0;
  #acked = 0;
  /** Waits for an origin: surely not sent to any. */
  #carry: Payload[] = [];
  #timer: Timer;
  #ackTimer: Timer;
  #awayTimer: Timer;
  #deaf = new AbortController();

  constructor(url: string | URL, protocols: string | string[] = [], options: SocketOptions = {}) {
    super();
    const full = new URL(url, globalThis.location?.href);
    full.protocol = full.protocol.replace(/^http/, 'ws');
    if (!/^wss?:$/.test(full.protocol) || full.hash) throw new DOMException(`not an address of a WebSocket: ${url}`, 'SyntaxError');
    this.url = full.href;
    this.#offer = typeof protocols === 'string' ? [protocols] : [...protocols];
    this.#options = options;
    for (const name of ['open', 'message', 'close', 'error'] as const) {
      this.addEventListener(name, event => (this[`on${name}`] as ((e: Event) => unknown) | null)?.(event as never));
    }
    this.#restore();
    this.#listen();
    this.#dial();
  }

  override addEventListener<K extends Name>(kind: K, handler: ((event: SocketEvents[K]) => unknown) | null, options?: AddEventListenerOptions | boolean): void;
  override addEventListener(kind: string, handler: EventListenerOrEventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
  override addEventListener(kind: string, handler: unknown, options?: AddEventListenerOptions | boolean): void {
    super.addEventListener(kind, handler as EventListener, options);
  }

  get binaryType(): BinaryType { return this.#binary; }
  set binaryType(kind: BinaryType) {
    this.#binary = kind;
    if (this.#ws) this.#ws.binaryType = kind;
  }

  /** Bytes that the edge does not have yet. */
  get bufferedAmount(): number {
    const carried = this.#carry.reduce((sum, m) => sum + size(m), 0);
    return carried + (this.#plain ? this.#ws?.bufferedAmount ?? 0 : this.#session.waiting);
  }

  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (this.readyState === 0) throw new DOMException('the socket is not open yet', 'InvalidStateError');
    if (this.readyState > 1) return;
    // The caller may go on writing into its buffer; a Blob never changes.
    const own = data instanceof Blob ? data : ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice().buffer as ArrayBuffer
      : typeof data === 'object' ? (data as ArrayBuffer).slice(0) : String(data);
    if (this.#plain ? this.state !== 'open' : !this.#session.began) {
      this.#carry.push(own);
      if (this.#carry.length > this.#session.limits.messages) {
        this.#carry.shift();
        this.#fire('gap', { side: 'sent', lost: 1 });
      }
    } else if (this.#plain) this.#ws!.send(own);
    else {
      this.#session.send(own);
      this.#flush();
    }
  }

  close(code?: number, reason = ''): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new DOMException(`not a code for closing: ${code}`, 'InvalidAccessError');
    if (new TextEncoder().encode(reason).length > 123) throw new DOMException('the reason is too long', 'SyntaxError');
    if (this.readyState > 1) return;
    this.readyState = 2;
    clearTimeout(this.#timer);
    if (!this.#ws) return void queueMicrotask(() => this.#finish(1006, '', false));
    // What `slow` held back goes first; the edge reads it before the Close or not at all.
    this.#session.paused = false;
    this.#flush();
    try { code === undefined ? this.#ws.close() : this.#ws.close(code, reason); } catch { /* it was not open */ }
    this.#timer = setTimeout(() => this.#finish(1006, '', false), CLOSE_MS);
  }

  // === the connection ===

  #dial(): void {
    clearTimeout(this.#timer);
    this.#drop();
    const make = this.#options.WebSocket ?? globalThis.WebSocket;
    // On a server that renders pages there is nobody to talk to.
    if (!make) return;
    let ws: WebSocket;
    try {
      ws = new make(this.url, this.#plain ? this.#offer : [RESUME, ...this.#offer]);
    } catch (error) {
      if (!this.#since) throw error;
      return this.#wait();
    }
    ws.binaryType = this.#binary;
    this.#ws = ws;
    this.#since = this.#heard = now();
    let opened = false;
    ws.onopen = () => {
      opened = true;
      if (ws.protocol === RESUME) {
        this.#plain = false;
        this.#edge = true;
        ws.send(this.#session.hello());
      } else this.#plainly(ws.protocol);
    };
    ws.onmessage = event => {
      this.#heard = now();
      if (this.#plain) this.#deliver(event.data);
      else this.#take(event.data);
    };
    ws.onerror = () => {};
    ws.onclose = event => this.#cut(event, opened);
    this.#watch();
  }

  /** Dead is who says nothing; counted from the clock, because timers sleep. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#ws?.readyState === 1 && this.#plain) return;
    const most = this.#session.welcomed ? SILENCE_MS : DIAL_MS;
    const left = this.#heard + most - now();
    if (left <= 0) return this.#cut(undefined, true);
    this.#timer = setTimeout(() => this.#watch(), left);
  }

  /** Forgets the connection without waiting for its `close`. */
  #drop(code?: number): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#session.welcomed = false;
    const ws = this.#ws;
    if (!ws) return;
    this.#ws = undefined;
    ws.onopen = ws.onmessage = ws.onclose = null;
    try { code ? ws.close(code) : ws.close(); } catch { /* it is gone already */ }
  }

  #cut(event: CloseEvent | undefined, opened: boolean): void {
    const code = event?.code ?? 1006;
    const plain = this.#plain;
    const lived = now() - this.#since > GOOD_MS && opened;
    this.#drop();
    if (this.readyState === 2) return this.#finish(code, event?.reason ?? '', event?.wasClean ?? false);
    const passes = code === 1006 || ANEW.includes(code) || (plain ? code === 1001 : code === 4905);
    if (opened && !passes) return this.#finish(code, event!.reason, event!.wasClean);
    emit('seen', 'failed');
    if (opened && !plain && ANEW.includes(code)) this.#anew();
    if (!opened && !this.#edge && !this.#everPlain) {
      // A browser tells a refusal of the offer from no connection at all to nobody: try without.
      this.#plain = !plain;
      if (!plain && !this.#gone) return this.#dial();
    }
    if (plain && opened) {
      for (const side of ['received', 'sent']) this.#fire('gap', { side, lost: undefined });
      // So says an edge that goes; the next one may take the offer.
      if (ANEW.includes(code)) this.#plain = this.#everPlain = false;
    }
    this.#turn('resuming');
    // After 4901 the next hello asks for nothing that is not there.
    if (lived || code === 4901) this.#gone = 0;
    this.#wait();
  }

  #wait(): void {
    const ms = !this.#within && this.#gone ? spread(now() - this.#gone) : Math.random() * (this.#within || AT_ONCE_MS);
    this.#within = 0;
    this.#gone ||= now();
    this.#half = now() + ms / 2;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#dial(), ms);
  }

  // === what is said ===

  #plainly(protocol: string): void {
    clearTimeout(this.#timer);
    if (this.#session.id) this.#anew();
    this.#plain = this.#everPlain = true;
    this.#open(protocol);
  }

  #take(frame: Payload): void {
    const had = this.#session.got;
    const said = this.#session.take(frame);
    if (said) this.#hear(said);
    // Not from a timer alone: they sleep in hidden tabs.
    if (this.#session.got !== had || said?.is === 'ping') this.#ack();
    this.#flush();
  }

  #hear(said: Said): void {
    switch (said.is) {
      case 'message': return this.#deliver(said.data);
      case 'ping': return this.#put(['{"c":"pong"}']);
      case 'bye': this.#within = said.within; return;
      case 'notice': return this.#fire('notice', said.notice);
      case 'gap': return this.#fire('gap', { side: 'received', lost: said.lost });
      case 'welcome':
        emit('seen', 'heard');
        this.#watch();
        if (said.resumed && this.#origin) this.#turn('open');
        // After a reload the origin has the socket already, and will not say so again.
        else if (said.resumed && this.#session.began && said.origin === 'open' && this.state === 'connecting') this.#open(this.#session.protocol);
        else if (said.origin === 'away') this.#turn('away');
        return;
      case 'origin':
        emit('seen', said.open ? 'heard' : 'failed');
        if (said.count) this.#fire('uncertain', { messages: said.uncertain ?? [], count: said.count });
        this.#origin = said.open;
        if (!said.open) this.#turn('away');
        else if (said.fresh) this.#open(this.#session.protocol);
        else this.#turn('open');
    }
  }

  #open(protocol: string): void {
    if (this.readyState > 1) return;
    this.#origin = true;
    this.protocol = protocol;
    this.readyState = 1;
    this.#turn('open', true);
    this.dispatchEvent(new Event('open'));
    for (const data of this.#carry.splice(0)) this.send(data);
  }

  #deliver(data: Payload): void {
    if (this.readyState < 3) this.dispatchEvent(new MessageEvent('message', { data, origin: new URL(this.url).origin }));
  }

  #ack(): void {
    const session = this.#session;
    const left = this.#acked + ACK_MS - now();
    if (!session.untold) return;
    if (left <= 0 || session.ackNow) {
      clearTimeout(this.#ackTimer);
      this.#ackTimer = undefined;
      this.#acked = now();
      this.#put([session.ack()]);
    } else this.#ackTimer ??= setTimeout(() => { this.#ackTimer = undefined; this.#acked = 0; this.#ack(); }, left);
  }

  #flush(): void {
    const { frames, lost } = this.#session.flush();
    this.#put(frames);
    if (lost) this.#fire('gap', { side: 'sent', lost });
  }

  #put(frames: Payload[]): void {
    if (this.#ws?.readyState === 1) for (const frame of frames) this.#ws.send(frame);
  }

  /** The session is over; another one begins with the next connection. */
  #anew(): void {
    const { uncertain, count, unsent, lost } = this.#session.end();
    this.#session = new Session();
    this.#origin = false;
    this.#carry.unshift(...unsent);
    if (count) this.#fire('uncertain', { messages: uncertain, count });
    if (lost) this.#fire('gap', { side: 'sent', lost });
    this.#fire('gap', { side: 'received', lost: undefined });
  }

  #finish(code: number, reason: string, wasClean: boolean): void {
    if (this.readyState === 3) return;
    clearTimeout(this.#timer);
    this.#drop();
    this.#deaf.abort();
    this.readyState = 3;
    this.#turn('closed');
    const { uncertain, count, unsent, lost } = this.#session.end();
    const left = [...wasClean ? [] : uncertain, ...unsent, ...this.#carry];
    if (left.length) this.#fire('uncertain', { messages: left, count: left.length - (wasClean ? 0 : uncertain.length - count) });
    if (lost) this.#fire('gap', { side: 'sent', lost });
    if (!wasClean) this.dispatchEvent(new Event('error'));
    const fields = { code, reason, wasClean };
    this.dispatchEvent(typeof CloseEvent === 'function' ? new CloseEvent('close', fields) : Object.assign(new Event('close'), fields));
  }

  #stillAway(after: number): void {
    this.#awayTimer = setTimeout(() => {
      emit('seen', 'failed');
      this.#stillAway(Math.min(2 * after, STILL_AWAY_MAX_MS));
    }, after);
  }

  #turn(state: SocketState, fresh = false): void {
    const was = this.state;
    this.state = state;
    if (was === state && !fresh || was === 'closed') return;
    clearTimeout(this.#awayTimer);
    if (state === 'away') this.#stillAway(STILL_AWAY_MS);
    if (state === 'resuming' || state === 'away') this.#fire('away', { state });
    else if (state === 'open' && was !== 'connecting' && this.readyState) this.#fire('back', { fresh });
  }

  #fire(name: Name, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // === the page ===

  #listen(): void {
    const { signal } = this.#deaf;
    const hear = (kind: string, handler: (event: Event) => void) => globalThis.addEventListener?.(kind, handler, { signal });
    // A network or a lid was opened: whoever waits need not wait longer, and the dead are found at once.
    const wake = () => {
      if (globalThis.document?.hidden) return;
      if (!this.#ws) {
        this.#gone = 0;
        this.#wait();
      } else if (this.#session.welcomed) setTimeout(() => this.#session.welcomed && this.#watch(), CLOSE_MS);
    };
    const act = () => { if (!this.#ws && now() > this.#half) this.#dial(); };
    hear('online', wake);
    hear('pointerdown', act);
    hear('keydown', act);
    globalThis.document?.addEventListener('visibilitychange', wake, { signal });
    hear('pagehide', event => {
      // An open connection keeps a page out of the back-forward cache. Without a name a real unload ends the session.
      if (!this.#options.tab && !(event as PageTransitionEvent).persisted || this.readyState > 1) return;
      this.#store();
      clearTimeout(this.#timer);
      this.#drop(this.#plain ? undefined : LATER);
      this.#turn('resuming');
    });
    hear('pageshow', event => {
      if (!(event as PageTransitionEvent).persisted || this.#ws || this.readyState > 1) return;
      this.#forget();
      this.#dial();
    });
  }

  /** Only between two pages of one tab: whoever reads it is the client. */
  #store(): void {
    const saved = this.#options.tab && this.#session.save();
    if (saved) try { sessionStorage.setItem(STORE + this.#options.tab, JSON.stringify({ ...saved, url: this.url })); } catch { /* full or denied */ }
  }

  #restore(): void {
    if (!this.#options.tab) return;
    try {
      const saved = JSON.parse(this.#forget() ?? 'null') as Saved & { url: string } | null;
      if (saved?.url === this.url) this.#session = Session.load(saved);
    } catch { /* denied, or not ours: a new session */ }
  }

  #forget(): string | null {
    const key = STORE + this.#options.tab;
    const was = globalThis.sessionStorage?.getItem(key) ?? null;
    if (was !== null) sessionStorage.removeItem(key);
    return was;
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;
const now = () => performance.now();
const size = (m: Payload) => typeof m === 'string' ? m.length : 'size' in m ? m.size : m.byteLength;
